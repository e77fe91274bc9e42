//! Core dumps are off: the memory of a process contains credentials and the hashes of tokens.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Turns core dumps of this process off. The limit also applies to the private PostgreSQL. It does not
/// bind a handler of cores, such as systemd's; a process that is not dumpable has none to handle.
pub(super) fn turn_off() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // A kernel that refuses this leaves the defaults. The service runs all the same.
    let _ = setrlimit(Resource::Core, none);
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}
