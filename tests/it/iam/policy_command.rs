//! `policy` prints documents on standard output, and what applies to them on standard error.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::engine::processes::BINARY;

fn policy(arguments: &[&str]) -> Output {
    Command::new(BINARY)
        .args(["policy", "--account-id", "123456789012"])
        .args(["--region", "eu-west-1"])
        .args(arguments)
        .env_remove("DAX_PROVISIONER_PERMISSIONS_BOUNDARY")
        .output()
        .unwrap()
}

fn document(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn notes(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn the_guard_is_a_document_with_a_note_about_the_management_account() {
    let output = policy(&["--guard"]);
    let statement = &document(&output)["Statement"][0];
    assert_eq!(statement["Effect"], "Deny");
    assert_eq!(statement["Principal"], "*");
    let roles = "arn:aws:iam::123456789012:role/dax-provisioner/*";
    assert_eq!(statement["Resource"], roles);
    assert!(notes(&output).contains("management account"), "{output:?}");
}

#[test]
fn the_boundary_is_limited_to_the_region_and_to_named_tables() {
    let arn = |name: &str| format!("arn:aws:dynamodb:eu-west-1:123456789012:table/{name}");
    let wide = document(&policy(&["--boundary"]));
    assert_eq!(wide["Statement"][0]["Resource"], arn("*"));
    let arguments = ["--boundary", "--table", "Orders", "--table", "Books"];
    let narrow = document(&policy(&arguments));
    let named = ["Books", "Books/index/*", "Orders", "Orders/index/*"].map(arn);
    assert_eq!(narrow["Statement"][0]["Resource"], json!(named));
    let many: Vec<String> = (0..60)
        .map(|number| format!("--table=t{number:080}"))
        .collect();
    let mut arguments = vec!["--boundary"];
    arguments.extend(many.iter().map(String::as_str));
    let output = policy(&arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(notes(&output).contains("name fewer tables"), "{output:?}");
}

#[test]
fn the_policy_of_the_service_needs_a_boundary_or_the_decision_against_one() {
    let output = policy(&[]);
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let error = notes(&output);
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(
        error.contains("--permissions-boundary: is not set"),
        "{error}"
    );
    let output = policy(&["--permissions-boundary", "none"]);
    assert!(document(&output).to_string().contains("iam:CreateRole"));
    assert!(notes(&output).contains("administrator"), "{output:?}");
}

#[test]
fn serve_with_real_aws_ends_without_a_boundary() {
    let output = Command::new(BINARY)
        .args(["serve", "--role", "worker"])
        .env("DATABASE_URL", "postgres://user@127.0.0.1:1/database")
        .env_remove("AWS_ENDPOINT_URL")
        .env_remove("DAX_PROVISIONER_PERMISSIONS_BOUNDARY")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    let error = notes(&output);
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(
        error.contains("--permissions-boundary: is not set"),
        "{error}"
    );
}
