//! Operations: read, events, stream, retry, cancel, roll back, approve and reject.

pub(super) mod approve;
pub(super) mod cancel;
pub(super) mod event_stream;
pub(super) mod events;
pub(super) mod read;
pub(super) mod view;
