//! The command line, which clap validates.

use crate::config::{InvocationError, variables};

use super::read;

#[test]
fn invalid_usage_ends_with_2() {
    for line in [
        "",
        "nonsense",
        "serve --nonsense",
        "token",
        "serve extra",
        "policy --account-id",
        "policy --table Orders",
        "policy --guard --boundary",
        "token create x --expires-days 0",
        "token create x --expires-days 36501",
        "token create x --expires-days Never",
    ] {
        let Err(InvocationError::Usage(error)) = read(line, []) else {
            panic!("{line}")
        };
        assert_eq!(error.exit_code(), 2, "{line}");
    }
    let Err(InvocationError::Usage(help)) = read("serve --help", []) else {
        panic!("no help")
    };
    assert_eq!(help.exit_code(), 0);
    assert!(
        help.to_string().contains("[env: DAX_PROVISIONER_LISTEN]"),
        "{help}"
    );
}

#[test]
fn the_command_line_is_consistent() {
    variables::command().debug_assert();
}
