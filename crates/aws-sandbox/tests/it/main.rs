//! The sandbox over HTTP: with the Rust SDK, boto3, the AWS CLI and malformed requests.
#![allow(clippy::unwrap_used)] // test helpers are tests too

mod accounts;
mod assume_role;
mod changes;
mod control;
mod errors;
mod faults;
mod faults_consistency;
mod iam_policies;
mod iam_roles;
mod journal;
mod lifecycle;
mod malformed_input;
mod network;
#[path = "../../../../tests/it/support/python.rs"]
mod packages;
mod permissions;
mod python;
mod reboots;
mod signatures;
mod test_env;
mod updates;
