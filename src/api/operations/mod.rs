//! Operations: read, events, stream, retry, cancel and roll back.

pub(super) mod cancel;
pub(super) mod event_stream;
pub(super) mod events;
pub(super) mod read;
pub(super) mod view;
