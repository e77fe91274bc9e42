//! The server as its users see it: through its URL, its files and its processes.
#![allow(clippy::unwrap_used)]

mod leftovers;
mod life;
mod sources;
mod support;
mod users;
