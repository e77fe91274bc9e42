//! The operating-system account that runs the server: the current one, or an unprivileged one if
//! this process runs as root.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::LocalPostgresError;

/// The users that can run the server for root, in order of preference.
const SERVER_USERS: [&str; 2] = ["postgres", "nobody"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

pub(crate) fn effective_uid() -> u32 {
    // SAFETY: geteuid takes nothing, touches no memory and cannot fail.
    unsafe { libc::geteuid() }
}

pub(crate) fn is_root() -> bool {
    effective_uid() == 0
}

/// The account that must run the server; `None` is the current one.
///
/// An existing directory keeps its owner. A `postgres` user that is added later could otherwise
/// not read the data that the other user wrote.
pub(crate) fn for_server(cluster: &Path) -> Result<Option<Account>, LocalPostgresError> {
    if !is_root() {
        return Ok(None);
    }
    let accounts =
        fs::read_to_string("/etc/passwd").map_err(LocalPostgresError::io("reading /etc/passwd"))?;
    let owner = fs::symlink_metadata(cluster)
        .map(|metadata| metadata.uid())
        .ok()
        .filter(|uid| *uid != 0);
    let (account, wanted) = match owner {
        Some(uid) => (
            find(&accounts, |account| account.uid == uid),
            format!("with id {uid}, the owner of {}", cluster.display()),
        ),
        None => (
            SERVER_USERS
                .iter()
                .find_map(|name| find(&accounts, |account| account.name == *name)),
            SERVER_USERS.join(" or "),
        ),
    };
    account
        .map(Some)
        .ok_or(LocalPostgresError::NoAccount { wanted })
}

/// A command that runs as `account` with a clean environment: locale and `PG*` variables are not
/// inherited.
///
/// Dropping root also drops its supplementary groups: the standard library calls `setgroups(0)`
/// before `setuid`.
pub(crate) fn command(program: &Path, account: Option<&Account>) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("LANG", "C.UTF-8")
        .current_dir("/")
        .stdin(Stdio::null());
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    command
}

fn find(passwd: &str, wanted: impl Fn(&Account) -> bool) -> Option<Account> {
    passwd.lines().filter_map(parse).find(wanted)
}

/// Parses one line of `passwd(5)`: name, password, uid, gid and more. Skips root.
fn parse(line: &str) -> Option<Account> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    (uid != 0).then_some(Account { name, uid, gid })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_passwd_and_skips_root() {
        let passwd = "root:x:0:0::/root:/bin/sh\nbroken\ndaemon:x:65534:65533::/:/bin/false\n";
        let daemon = find(passwd, |account| account.name == "daemon").unwrap();
        assert_eq!((daemon.uid, daemon.gid), (65534, 65533));
        assert_eq!(find(passwd, |account| account.name == "root"), None);
    }
}
