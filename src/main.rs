//! Arguments to config to app.
fn main() {}
