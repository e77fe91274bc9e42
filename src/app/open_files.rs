//! The limit on the open files of this process, and the number of connections that fits it.
//!
//! Connections, the database, AWS and files share this limit. Without a reserve, clients could stop
//! the workers.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that this process can use. More would serve nothing, and some programs that it starts visit
/// every possible file.
const FILES_MAX: u64 = 65_536;
/// Files below which a warning is logged.
const FILES_WANTED: u64 = 1_024;
/// Files reserved for AWS, the sandbox, the metrics and the program, beside those of the database and
/// of webhooks.
const RESERVED: u64 = 256;
/// Maximum number of connections.
const CONNECTIONS_MAX: u64 = 10_000;

/// Raises the limit on open files as far as the system allows. Returns the number of connections
/// that fits it, beside this number of connections to the database and to receivers of webhooks.
pub(super) fn connections_max(other_connections: usize) -> usize {
    let files = raise_limit();
    let connections = connections_of(files, other_connections);
    if files < FILES_WANTED {
        tracing::warn!(
            "this process can open {files} files, so it serves at most {connections} connections; \
             raise its limit (ulimit -Hn) to {FILES_WANTED} or more"
        );
    }
    connections
}

/// Returns the limit after the attempt to raise it.
fn raise_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current.unwrap_or(FILES_MAX);
    let wanted = limit.maximum.unwrap_or(FILES_MAX).min(FILES_MAX);
    if current >= wanted {
        return current;
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).map_or(current, |()| wanted)
}

fn connections_of(files: u64, other_connections: usize) -> usize {
    let reserved = RESERVED.saturating_add(other_connections as u64);
    // A quarter is left even where the reserve does not fit.
    let connections = files.saturating_sub(reserved).max(files / 4);
    usize::try_from(connections.min(CONNECTIONS_MAX)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_the_database_and_aws() {
        for (files, others, expected) in [
            (1_000_000, 16, 10_000),
            (10_272, 16, 10_000),
            (10_271, 16, 9_999),
            (1_024, 16, 752),
            (1_024, 1_000, 256),
            (64, 16, 16),
            (0, 16, 0),
        ] {
            assert_eq!(connections_of(files, others), expected, "{files}");
        }
    }

    #[test]
    fn the_limit_is_raised_as_far_as_the_system_allows() {
        let raised = raise_limit();
        let limit = getrlimit(Resource::Nofile);
        let allowed = limit.maximum.unwrap_or(FILES_MAX).min(FILES_MAX);
        assert!(raised >= allowed, "{raised} {limit:?}");
        assert!(limit.current.is_none_or(|current| current >= allowed));
    }
}
