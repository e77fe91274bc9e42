//! What the tests share: the test environment, its clients, and requests.

pub mod api;
pub mod cluster_fixture;
pub mod crashing_worker;
pub mod database;
pub mod database_proxy;
pub mod governed;
pub mod http_server;
pub mod identity;
pub mod identity_provider;
pub mod node;
pub mod python;
pub mod requests;
pub mod signed_calls;
pub mod test_env;
