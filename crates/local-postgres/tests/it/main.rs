//! Tests through the public API: the server's URL, its files and its processes.
#![allow(clippy::unwrap_used)]

mod leftovers;
mod lifecycle;
mod sources;
mod support;
mod users;
