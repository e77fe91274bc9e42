//! Bodies of the JSON protocols.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::wire::fault::ServiceFault;

/// Parses the body of a request. An invalid body is AWS's `SerializationException`.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ServiceFault> {
    // A request without members can have no body.
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body)
        .map_err(|error| ServiceFault::new("SerializationException", error.to_string()))
}

pub(crate) fn write<T: Serialize>(result: &T) -> Result<Vec<u8>, ServiceFault> {
    serde_json::to_vec(result)
        .map_err(|error| ServiceFault::new("InternalFailure", error.to_string()))
}
