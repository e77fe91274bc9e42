//! Start, restart and stop of a server, and of two servers on one directory.

use std::process::Command;
use std::thread;

use local_postgres::{LocalPostgres, LocalPostgresError, Settings};

use crate::support::{
    Helper, NAME, Scratch, eventually, field, helper, is_alive, kept_in, psql, sql,
};

#[test]
fn starts_serves_and_stops() {
    let server = LocalPostgres::start(&Settings::for_tests(NAME)).unwrap();
    let (pid, data_dir) = (server.pid(), server.data_dir().to_owned());
    let settings = sql(
        &server,
        "postgres",
        "select current_user, rolsuper, current_setting('listen_addresses'),
                current_setting('server_encoding'), current_setting('max_connections')
         from pg_roles where rolname = current_user",
    );
    assert_eq!(settings, "app|t||UTF8|200");
    assert_eq!(
        field(pid, 2),
        Some(pid.to_string()),
        "its own process group"
    );
    server.stop();
    assert!(!is_alive(pid));
    assert!(!data_dir.exists());
}

#[test]
fn the_url_encodes_any_database_name() {
    let server = LocalPostgres::start(&Settings::for_tests(NAME)).unwrap();
    let name = "a b/c?d=e&f+g%20é";
    sql(&server, "postgres", &format!("create database \"{name}\""));
    assert_eq!(sql(&server, name, "select current_database()"), name);
}

#[test]
fn a_restart_keeps_the_data() {
    let scratch = Scratch::new();
    let settings = Settings {
        durable: true,
        ..kept_in(scratch.join("data"))
    };
    let server = LocalPostgres::start(&settings).unwrap();
    sql(
        &server,
        "postgres",
        "create table kept as select 42 as answer",
    );
    server.stop();
    let server = LocalPostgres::start(&settings).unwrap();
    assert_eq!(sql(&server, "postgres", "select answer from kept"), "42");
    assert_eq!(sql(&server, "postgres", "show fsync"), "on");
}

#[test]
fn a_crash_keeps_committed_data() {
    let mut server = LocalPostgres::start(&Settings::for_tests(NAME)).unwrap();
    sql(
        &server,
        "postgres",
        "create table kept (id int primary key)",
    );
    for round in 1..=3 {
        let (pid, url) = (server.pid(), server.url("postgres"));
        sql(
            &server,
            "postgres",
            &format!("insert into kept values ({round})"),
        );
        server.crash_restart().unwrap();
        assert_ne!(server.pid(), pid);
        assert_eq!(server.url("postgres"), url);
        let count = sql(&server, "postgres", "select count(*) from kept");
        assert_eq!(count, round.to_string());
    }
}

#[test]
fn a_crash_under_load_is_recovered() {
    let mut server = LocalPostgres::start(&Settings::for_tests(NAME)).unwrap();
    let busy = "set lock_timeout = 0; select sum(sqrt(n)) from generate_series(1, 1e9) n";
    let mut client = Command::new(server.bin_dir().join("psql"))
        .args(["-X", "-q", "-d", &server.url("postgres"), "-c", busy])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let running = "select count(*) from pg_stat_activity where query like '%generate_series%' and pid <> pg_backend_pid()";
    eventually("the query runs", || {
        sql(&server, "postgres", running) == "1"
    });
    server.crash_restart().unwrap();
    assert!(!client.wait().unwrap().success());
    assert_eq!(sql(&server, "postgres", "select 1"), "1");
}

#[test]
fn a_second_instance_is_rejected_with_the_process_id_of_the_first() {
    let scratch = Scratch::new();
    let data_dir = scratch.join("data");
    let other = Helper::start(helper().arg("--data-dir").arg(&data_dir));
    let error = LocalPostgres::start(&kept_in(data_dir.clone())).unwrap_err();
    assert!(
        matches!(&error, LocalPostgresError::InUse { pid, .. } if *pid == other.process.id()),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains(&format!("is used by process {}", other.process.id()))
    );
    other.finish();
    LocalPostgres::start(&kept_in(data_dir)).unwrap();
}

#[test]
fn a_path_unusable_for_a_socket_is_replaced_by_a_short_one() {
    let scratch = Scratch::new();
    for name in ["long-".repeat(20).as_str(), "a,b \"c\" +%é"] {
        let server = LocalPostgres::start(&kept_in(scratch.join(name))).unwrap();
        let sockets = sql(&server, "postgres", "show unix_socket_directories");
        assert!(sockets.starts_with("/tmp/local-postgres-"), "{sockets}");
        server.stop();
        assert!(!std::path::Path::new(&sockets).exists());
    }
}

#[test]
fn a_server_outlives_the_thread_that_started_it() {
    let start = || LocalPostgres::start(&Settings::for_tests(NAME)).unwrap();
    let server = thread::spawn(start).join().unwrap();
    // A parent-death signal bound to that thread would have been sent before join returned.
    assert_eq!(sql(&server, "postgres", "select 1"), "1");
    assert!(is_alive(server.pid()));
}

#[test]
fn the_environment_does_not_reach_the_server() {
    let mut command = helper();
    command
        .env("PGPORT", "1")
        .env("PGDATA", "/nonexistent")
        .env("LC_ALL", "xx_XX");
    let helper = Helper::start(&mut command);
    let server = LocalPostgres::start(&Settings::for_tests(NAME)).unwrap();
    let settings = psql(
        server.bin_dir(),
        &helper.url,
        "select current_setting('lc_messages'), current_setting('timezone')",
    );
    assert_eq!(settings, "C|UTC");
    helper.finish();
}
