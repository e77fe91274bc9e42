//! `openapi`: prints the API's document. It needs neither a database nor AWS.

use crate::api;
use crate::config::OpenapiVersion;

use super::print_line;

/// Prints the document.
pub(super) fn run(version: OpenapiVersion) -> anyhow::Result<()> {
    let document = match version {
        OpenapiVersion::V31 => api::document(),
        OpenapiVersion::V30 => api::document().as_version_3_0(),
    };
    print_line(serde_json::to_string_pretty(&document)?);
    Ok(())
}
