//! Child processes that end with this process, even after `kill -9`.
//!
//! Linux sends the parent-death signal when the *thread* that spawned the child ends, not when the
//! process ends. One permanent thread therefore spawns all children: threads of a pool or of a test
//! end earlier and would end their children with them.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

type SpawnRequest = (Command, Sender<io::Result<Child>>);

static SPAWNER: Mutex<Option<Sender<SpawnRequest>>> = Mutex::new(None);

/// Spawns a child that receives `signal` when this process ends.
///
/// The child gets its own process group: Ctrl-C in a terminal signals the whole foreground group,
/// which would stop the child too early.
pub(crate) fn spawn(mut command: Command, signal: libc::c_int) -> io::Result<Child> {
    command.process_group(0);
    set_parent_death_signal(&mut command, signal);
    let (reply, response) = channel();
    spawner()?
        .send((command, reply))
        .map_err(io::Error::other)?;
    response.recv().map_err(io::Error::other)?
}

/// Runs a command to completion and returns its output. The command is killed if this process ends.
pub(crate) fn output(mut command: Command) -> io::Result<Output> {
    command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    spawn(command, libc::SIGKILL)?.wait_with_output()
}

/// The IDs of the child processes, from `/proc/<pid>/stat`: id, name in brackets, state, parent and
/// more.
pub fn children_of(parent: u32) -> Vec<u32> {
    let parent = parent.to_string();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.split(' ').nth(1) == Some(&parent))
    })
    .collect()
}

/// The channel to the spawning thread, which starts on first use.
fn spawner() -> io::Result<Sender<SpawnRequest>> {
    let mut spawner = SPAWNER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(sender) = &*spawner {
        return Ok(sender.clone());
    }
    let (sender, requests) = channel::<SpawnRequest>();
    thread::Builder::new()
        .name("local-postgres".to_owned())
        .spawn(move || {
            for (mut command, reply) in requests {
                // If the receiver is gone, the child still ends with this process.
                let _ = reply.send(command.spawn());
            }
        })?;
    *spawner = Some(sender.clone());
    Ok(sender)
}

#[cfg(target_os = "linux")]
fn set_parent_death_signal(command: &mut Command, signal: libc::c_int) {
    let parent = std::process::id();
    let set = move || {
        // SAFETY: prctl with PR_SET_PDEATHSIG takes one integer and accesses no memory.
        if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: getppid takes no argument, accesses no memory and cannot fail.
        if unsafe { libc::getppid() }.cast_unsigned() != parent {
            // The parent ended between fork and prctl, so no signal would be sent.
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        Ok(())
    };
    // SAFETY: only async-signal-safe work is allowed between fork and exec. The closure makes two
    // system calls and builds errors from integers, which does not allocate. It runs after setuid,
    // which would have cleared the setting.
    unsafe { command.pre_exec(set) };
}

#[cfg(not(target_os = "linux"))]
fn set_parent_death_signal(_command: &mut Command, _signal: libc::c_int) {
    // Other systems have no parent-death signal. There, kill -9 of the parent leaves the server
    // running, and the next start reports its process id.
}
