//! Several targets: accounts and Regions of one installation.

mod api;
mod commands;
mod isolation;
mod migration;
mod organisation;
mod reload;
mod scenarios;
mod service;
mod sessions;
mod setup;
mod template;
