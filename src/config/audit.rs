//! The arguments of `audit`, and keys in files.

use crate::domain::audit::{Anchor, AuditKey};

use super::operator::AuditCommand;
use super::reader::Reader;
use super::{Secret, Task, database};

/// Reads the settings of `audit`.
pub(super) fn task(command: AuditCommand, reader: &mut Reader<'_>) -> Option<Task> {
    let url = database::required_url(reader);
    let (anchor, paths) = match command {
        AuditCommand::Export => return url.map(Task::AuditExport),
        AuditCommand::Verify {
            anchor,
            audit_key_file,
        } => (anchor, audit_key_file),
    };
    let keys: Vec<Option<AuditKey>> = paths
        .iter()
        .map(|path| key_of("audit_key_file", path, AuditKey::parse, reader))
        .collect();
    let rule = "must be NUMBER:SEAL, as the log of the service prints it";
    let parse = |text: &str| text.parse::<Anchor>().ok();
    let anchor = match anchor {
        Some(text) => reader.value("anchor", &text, rule, parse).map(Some),
        None => Some(None),
    };
    let keys = keys.into_iter().collect::<Option<_>>();
    Some(Task::AuditVerify(url?, keys?, anchor?))
}

/// The key in a file.
pub(super) fn key_of<T>(
    id: &str,
    path: &str,
    parse: impl FnOnce(&str) -> Option<T>,
    reader: &mut Reader<'_>,
) -> Option<T> {
    match Secret::from_file(path.as_ref()) {
        Ok(text) => reader.value(
            id,
            text.expose(),
            "the file must contain 32 bytes in base64, as `openssl rand -base64 32` prints",
            parse,
        ),
        Err(rule) => {
            reader.error(id, &rule);
            None
        }
    }
}
