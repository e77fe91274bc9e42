//! Secrets in files, and secrets in output.

use crate::config::{Database, printed};

use super::{SecretFile, URL, errors, read, serve};

#[test]
fn a_secret_can_be_in_a_private_file() {
    let private = SecretFile::new("private", "postgres://from-file\n", 0o600);
    let serve = serve("serve", [("DATABASE_URL_FILE", private.path())]);
    assert!(matches!(serve.database, Database::Url(url) if url.expose() == "postgres://from-file"));
    let both = errors("serve", [URL, ("DATABASE_URL_FILE", private.path())]);
    assert_eq!(
        both,
        ["DATABASE_URL_FILE: cannot be combined with DATABASE_URL; set only one of them"]
    );
    let open = SecretFile::new("open", "postgres://SECRET", 0o644);
    assert!(
        errors("serve", [("DATABASE_URL_FILE", open.path())])[0]
            .contains("the file is world-readable")
    );
    let empty = SecretFile::new("empty", "\n", 0o600);
    assert_eq!(
        errors("serve", [("DATABASE_URL_FILE", empty.path())]),
        ["DATABASE_URL_FILE: the file is empty"]
    );
}

#[test]
fn printed_settings_contain_no_secret() {
    let line = "serve --print-config --aws-endpoint http://127.0.0.1:4566";
    let environment = [
        URL,
        ("AWS_ACCESS_KEY_ID", "K"),
        ("AWS_SECRET_ACCESS_KEY", "CANARY"),
    ];
    let logging = read(line, environment).unwrap().logging;
    let text = printed(&serve(line, environment), &logging);
    assert!(!text.contains("CANARY"), "{text}");
    assert!(
        text.contains("database = postgres://***@db/dax\n"),
        "{text}"
    );
    let debug = format!("{:?}", serve(line, environment));
    assert!(!debug.contains("CANARY"), "{debug}");
}
