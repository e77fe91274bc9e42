//! The event feed: the events of all operations in one order, as a list and as a stream.

pub(crate) mod list;
pub(crate) mod stream;
pub(crate) mod view;
