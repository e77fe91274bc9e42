//! Outgoing HTTP, in layer 1: requests to URLs that callers name, and what they need. It depends on
//! `domain` only; AWS has its own clients in `aws`.
//!
//! A request reaches only addresses that are checked right before the connection ([`addresses`]).

pub mod addresses;
pub mod secrets;
pub mod webhooks;
