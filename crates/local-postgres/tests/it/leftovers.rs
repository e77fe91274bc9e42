//! Recovery from what killed processes leave behind.

use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};
use std::{env, io};

use local_postgres::{LocalPostgres, Settings};

use crate::support::{Helper, NAME, Scratch, eventually, helper, is_alive, kept_in, psql, sql};

#[test]
fn kill_9_of_the_parent_stops_the_server_and_keeps_the_data() {
    let scratch = Scratch::new();
    let data_dir = scratch.join("data");
    let settings = kept_in(data_dir.clone());
    let bin_dir = {
        let server = LocalPostgres::start(&settings).unwrap();
        sql(&server, "postgres", "create table kept (id int)");
        server.bin_dir().to_owned()
    };
    let mut parent = Helper::start(helper().arg("--data-dir").arg(&data_dir));
    psql(&bin_dir, &parent.url, "insert into kept values (1)");
    parent.process.kill().unwrap();
    // The parent has not been waited for, so it is still a zombie.
    let server = LocalPostgres::start(&settings).unwrap();
    assert!(!is_alive(parent.server_pid));
    assert_eq!(sql(&server, "postgres", "select count(*) from kept"), "1");
    parent.process.wait().unwrap();
}

#[test]
fn a_stale_process_id_that_was_reused_does_not_prevent_a_start() {
    let scratch = Scratch::new();
    let settings = kept_in(scratch.join("data"));
    let mut server = LocalPostgres::start(&settings).unwrap();
    server.crash_restart().unwrap();
    let cluster = server.data_dir().join("cluster");
    let file = cluster.join("postmaster.pid");
    let content = fs::read_to_string(&file).unwrap();
    server.stop();
    let mut zombie = Command::new("true").spawn().unwrap();
    let mut running = Command::new("sleep").arg("60").spawn().unwrap();
    eventually("true has ended", || !is_alive(zombie.id()));
    for pid in [running.id(), zombie.id()] {
        let rest = content.split_once('\n').unwrap().1;
        write_as_owner(&file, &format!("{pid}\n{rest}"));
        let server = LocalPostgres::start(&settings).unwrap();
        assert_eq!(sql(&server, "postgres", "select 1"), "1");
        server.stop();
    }
    running.kill().unwrap();
    running.wait().unwrap();
    zombie.wait().unwrap();
}

#[test]
fn an_interrupted_creation_is_restarted() {
    let scratch = Scratch::new();
    let settings = kept_in(scratch.join("data"));
    LocalPostgres::start(&settings).unwrap().stop();
    fs::rename(
        scratch.join("data/cluster"),
        scratch.join("data/cluster.new"),
    )
    .unwrap();
    let server = LocalPostgres::start(&settings).unwrap();
    assert_eq!(sql(&server, "postgres", "select 1"), "1");
    assert!(!scratch.join("data/cluster.new").exists());
}

#[test]
fn a_server_in_a_static_ends_with_its_process() {
    let (pid, data_dir) = run_test_in_process("leftovers::keeps_a_server_in_a_static");
    assert!(!is_alive(pid));
    assert!(!data_dir.exists(), "{}", data_dir.display());
}

/// The test above runs this in a separate process.
#[test]
#[ignore = "a part of another test"]
fn keeps_a_server_in_a_static() {
    static SERVER: OnceLock<LocalPostgres> = OnceLock::new();
    let start = || LocalPostgres::start(&Settings::for_tests(NAME)).unwrap();
    let server = SERVER.get_or_init(start);
    println!("\n{} {}", server.pid(), server.data_dir().display());
}

#[test]
fn temporary_directories_of_killed_processes_are_swept() {
    let mut parent = Helper::start(&mut helper());
    let directory = directory_of(parent.server_pid);
    parent.process.kill().unwrap();
    parent.process.wait().unwrap();
    eventually("the server stops", || !is_alive(parent.server_pid));
    assert!(directory.exists());
    let running = Helper::start(&mut helper());
    assert!(directory.exists(), "too recent to be swept");
    for dir in [&directory, &directory_of(running.server_pid)] {
        let earlier = SystemTime::now() - Duration::from_secs(3600);
        let times = FileTimes::new().set_modified(earlier);
        File::open(dir).unwrap().set_times(times).unwrap();
    }
    Helper::start(&mut helper()).finish();
    assert!(!directory.exists());
    assert!(directory_of(running.server_pid).exists());
    running.finish();
}

/// The data directory, from the command line of its server.
fn directory_of(server_pid: u32) -> PathBuf {
    let command = fs::read_to_string(format!("/proc/{server_pid}/cmdline")).unwrap();
    let cluster = command.split('\0').skip_while(|word| *word != "-D").nth(1);
    Path::new(cluster.unwrap()).parent().unwrap().to_owned()
}

/// Writes a file in the cluster that is owned by the server's account.
fn write_as_owner(file: &Path, content: &str) {
    use std::os::unix::fs::{MetadataExt, chown};
    let owner = fs::metadata(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
    chown(file, Some(owner.uid()), Some(owner.gid())).unwrap();
}

/// Runs one test of this binary in another process, which prints the server's process id and
/// directory.
fn run_test_in_process(test: &str) -> (u32, PathBuf) {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", test])
        .stderr(Stdio::inherit())
        .output();
    let output = io::Result::unwrap(output);
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| {
        let (pid, path) = line.split_once(' ')?;
        Some((pid.parse().ok()?, PathBuf::from(path)))
    });
    line.expect("no server in the output")
}
