//! Parsing of AWS requests and writing of AWS responses.
//!
//! No other module reads or writes the headers, bodies and status codes of AWS calls.

pub(crate) mod codes;
pub(crate) mod fault;
pub(crate) mod form;
pub(crate) mod json;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod service;
pub(crate) mod xml;
