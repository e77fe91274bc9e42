//! Child processes that end when we do, even by kill -9.
//!
//! Linux sends the parent-death signal when the *thread* that spawned the child ends, not the process. So one thread, which never ends,
//! spawns them all; a thread of a pool or of a test would take its children along when it goes.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

type Order = (Command, Sender<io::Result<Child>>);

static ORDERS: Mutex<Option<Sender<Order>>> = Mutex::new(None);

/// Spawns a child that gets `signal` when we are gone.
///
/// It leads a process group of its own: Ctrl-C in a terminal goes to the whole foreground group, and only we decide when the child stops.
pub(crate) fn spawn(mut command: Command, signal: libc::c_int) -> io::Result<Child> {
    command.process_group(0);
    die_with_us(&mut command, signal);
    let (reply, answer) = channel();
    orders()?.send((command, reply)).map_err(io::Error::other)?;
    answer.recv().map_err(io::Error::other)?
}

/// Runs a command to its end and collects what it said; it is killed if we are gone.
pub(crate) fn output(mut command: Command) -> io::Result<Output> {
    command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    spawn(command, libc::SIGKILL)?.wait_with_output()
}

/// The way to the one thread, which is started when first needed.
fn orders() -> io::Result<Sender<Order>> {
    let mut orders = ORDERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(sender) = &*orders {
        return Ok(sender.clone());
    }
    let (sender, inbox) = channel::<Order>();
    thread::Builder::new()
        .name("local-postgres".to_owned())
        .spawn(move || {
            for (mut command, reply) in inbox {
                // Whoever asked is waiting; if it is gone all the same, the child is dropped and dies with us.
                let _ = reply.send(command.spawn());
            }
        })?;
    *orders = Some(sender.clone());
    Ok(sender)
}

#[cfg(target_os = "linux")]
fn die_with_us(command: &mut Command, signal: libc::c_int) {
    let parent = std::process::id();
    let ask = move || {
        // SAFETY: prctl with PR_SET_PDEATHSIG takes one integer and touches no memory of ours.
        if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: getppid takes nothing, touches no memory and cannot fail.
        if unsafe { libc::getppid() }.cast_unsigned() != parent {
            // We died between the fork and the request, so nobody would send the signal.
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe work is allowed. The closure makes two system calls and builds errors from
    // integers, which allocates nothing. It runs after the change of user, which would have cleared the request.
    unsafe { command.pre_exec(ask) };
}

#[cfg(not(target_os = "linux"))]
fn die_with_us(_command: &mut Command, _signal: libc::c_int) {
    // No other system has this request: there, kill -9 of the parent leaves the server to the next start, which names its process.
}
