//! Several targets: accounts and Regions of one installation.

mod api;
mod isolation;
mod migration;
mod organisation;
mod scenarios;
mod sessions;
mod setup;
