//! `openapi`: prints the API's document. It needs neither a database nor AWS.

use crate::api;

use super::print_line;

/// Prints the document.
pub(super) fn run() -> anyhow::Result<()> {
    print_line(serde_json::to_string_pretty(&api::document())?);
    Ok(())
}
