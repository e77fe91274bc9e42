//! Reading AWS requests off HTTP and writing AWS answers back: the only room that knows headers, bodies and status codes.

pub(crate) mod codes;
pub(crate) mod fault;
pub(crate) mod form;
pub(crate) mod json;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod service;
pub(crate) mod xml;
