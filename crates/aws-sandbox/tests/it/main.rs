//! The sandbox from outside: over HTTP, by the Rust SDK, by boto3 and the AWS CLI, and by hostile hands.
#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod control;
mod faults;
mod hostile;
mod iam;
mod journal;
mod later_life;
mod lifecycle;
mod network;
mod permissions;
mod python;
mod reboots;
mod refusals;
mod signatures;
mod world;
