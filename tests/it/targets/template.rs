//! `target template`: its flags, and an account that is set up by what it prints.

use std::path::Path;
use std::process::{Command, Output};

use aws_sandbox::Sandbox;
use dax_provisioner::aws::LOOKUPS_BUILT_IN;
use dax_provisioner::domain::installation::AwsAccount;
use dax_provisioner::domain::preflight::{Check, CheckStatus};
use dax_provisioner::inspections::Inspector;
use serde_json::{Value, json};

use crate::engine::processes::BINARY;
use crate::support::python::packages;
use crate::support::signed_calls::query_at;
use crate::support::test_env::TestEnv;
use crate::targets::setup::{
    AccessRole, EXTERNAL_ID, OTHER, PRINCIPAL_ARN, administrator, assumed, put_principal, trust_of,
    two_regions,
};

const REGION: &str = "eu-west-1";
const ROLE: &str = "dax-provisioner-payments";
const BOUNDARY: &str = "dax-provisioner-boundary-payments";
const GIVEN: &str = "arn:aws:iam::210987654321:role/GivenToDax";

fn run(arguments: &[&str]) -> Output {
    Command::new(BINARY)
        .args(["target", "template"])
        .args(arguments)
        .output()
        .unwrap()
}

/// The usual flags, and these.
fn template(more: &[&str]) -> Output {
    let mut arguments = vec![
        "payments",
        "--region",
        REGION,
        "--principal-arn",
        PRINCIPAL_ARN,
    ];
    arguments.extend(more);
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    output
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn default_of(template: &Value, parameter: &str) -> String {
    template["Parameters"][parameter]["Default"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn an_external_id_is_drawn_for_each_template_unless_it_is_given() {
    let drawn =
        [template(&[]), template(&[])].map(|output| default_of(&document(&output), "ExternalId"));
    assert_ne!(drawn[0], drawn[1]);
    for external_id in drawn {
        let is_hexadecimal = external_id.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(external_id.len() == 32 && is_hexadecimal, "{external_id}");
    }
    let given = document(&template(&["--external-id", EXTERNAL_ID]));
    assert_eq!(default_of(&given, "ExternalId"), EXTERNAL_ID);
    assert_eq!(default_of(&given, "PrincipalArn"), PRINCIPAL_ARN);
}

#[test]
fn flags_add_given_roles_and_lookups_to_the_policy_of_the_role() {
    let with = |flags: &[&str]| document(&template(flags)).to_string();
    assert!(!with(&[]).contains(GIVEN));
    let given = with(&[
        "--service-role-arn",
        GIVEN,
        "--service-role-arn",
        "arn:aws:iam::210987654321:role/B",
    ]);
    assert!(
        given.contains(GIVEN) && given.contains(":role/B"),
        "{given}"
    );
    let opens = "ec2:AuthorizeSecurityGroupIngress";
    assert_eq!(with(&[]).contains(opens), LOOKUPS_BUILT_IN);
    assert!(with(&["--lookups", "true"]).contains(opens));
    assert!(!with(&["--lookups", "false"]).contains(opens));
}

#[test]
fn the_table_on_standard_error_is_valid_in_an_organisation() {
    let output = template(&["--external-id", EXTERNAL_ID]);
    let notes = String::from_utf8(output.stderr).unwrap();
    let (note, table) = notes.split_once("\n\n").unwrap();
    assert!(
        note.contains(REGION) && note.contains("organisation.toml"),
        "{note}"
    );
    let directory = tempfile::tempdir().unwrap();
    let table = table.replace("ACCOUNT", OTHER);
    std::fs::write(directory.path().join("organisation.toml"), &table).unwrap();
    let checked = Command::new(BINARY)
        .args(["organisation", "check"])
        .arg(directory.path())
        .output()
        .unwrap();
    assert_eq!(checked.status.code(), Some(0), "{table}\n{checked:?}");
    let printed = String::from_utf8(checked.stdout).unwrap();
    assert!(printed.contains("targets: payments"), "{printed}");
}

#[test]
fn all_invalid_flags_are_reported_together() {
    let output = run(&[
        "Payments",
        "--region",
        "nowhere",
        "--principal-arn",
        "me",
        "--external-id",
        "a b",
        "--service-role-arn",
        "role",
    ]);
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let errors = String::from_utf8(output.stderr).unwrap();
    for flag in [
        "name",
        "--region",
        "--principal-arn",
        "--external-id",
        "--service-role-arn",
    ] {
        assert!(errors.contains(&format!("{flag}: ")), "{flag}: {errors}");
    }
    assert_eq!(errors.lines().count(), 5, "{errors}");
}

/// What `cfn-lint` prints about a template, and whether it accepts it.
fn lint(template: &[u8]) -> (String, bool) {
    let folder = packages("cfn_lint");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("template.json");
    std::fs::write(&file, template).unwrap();
    let linted = Command::new("python3")
        .arg(folder.join("bin/cfn-lint"))
        .args(["--regions", REGION, "--"])
        .arg(&file)
        .env("PYTHONPATH", &folder)
        .output()
        .unwrap();
    let printed = String::from_utf8(linted.stdout).unwrap();
    (printed, linted.status.success())
}

#[test]
fn cfn_lint_finds_nothing_in_the_template() {
    for flags in [
        ["--lookups", "true"],
        ["--lookups", "false"],
        ["--service-role-arn", GIVEN],
    ] {
        let linted = lint(&template(&flags).stdout);
        assert_eq!(linted, (String::new(), true), "{flags:?}");
    }
    let text = String::from_utf8(template(&[]).stdout).unwrap();
    let (found, _) = lint(text.replace("MaxSessionDuration", "MaxSession").as_bytes());
    assert!(found.contains("MaxSession"), "{found}");
}

/// Creates the stack of the template in the account, by its administrator.
fn create_stack(endpoint: &str, template: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/create_stack.py");
    let created = Command::new("python3")
        .arg(script)
        .arg(template)
        .env("PYTHONPATH", packages("aws_cli"))
        .env("NO_PROXY", "127.0.0.1")
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", OTHER)
        .env("AWS_SECRET_ACCESS_KEY", OTHER)
        .env_remove("AWS_PROFILE")
        .output()
        .unwrap();
    assert!(created.status.success(), "{created:?}");
    let printed = String::from_utf8(created.stdout).unwrap();
    assert!(
        printed.contains(&format!("AccessRole: arn:aws:iam::{OTHER}:role/{ROLE}")),
        "{printed}"
    );
}

/// An account that is set up by the template.
struct Account {
    env: TestEnv,
    role: AccessRole,
}

impl Account {
    async fn new() -> Self {
        let env = TestEnv::with(two_regions()).await;
        put_principal(&env.sandbox);
        let admin = administrator(&env.sandbox, &env.endpoint, OTHER, REGION).await;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("payments.json");
        std::fs::write(&file, template(&["--external-id", EXTERNAL_ID]).stdout).unwrap();
        let endpoint = env.endpoint.clone();
        tokio::task::spawn_blocking(move || create_stack(&endpoint, &file))
            .await
            .unwrap();
        let role = AccessRole {
            account: admin.account().await.unwrap(),
            arn: format!("arn:aws:iam::{OTHER}:role/{ROLE}"),
            boundary: format!("arn:aws:iam::{OTHER}:policy/{BOUNDARY}"),
        };
        Self { env, role }
    }

    /// The administrator changes something.
    async fn change(&self, call: &str, input: &[(&str, &str)]) {
        let endpoint = &self.env.endpoint;
        let changed = query_at(endpoint, (OTHER, OTHER), "iam", call, input).await;
        assert_eq!(changed.status, 200, "{call}: {}", changed.text);
    }

    /// The checks that did not pass, by new clients.
    async fn findings(&self) -> Vec<Check> {
        let (sandbox, expected): (&Sandbox, &AwsAccount) = (&self.env.sandbox, &self.role.account);
        let aws = assumed(sandbox, &self.env.endpoint, &self.role).await;
        let inspector = Inspector::new(aws);
        let mut checks = inspector
            .check_target(Some(expected), Some(&self.role.boundary))
            .await;
        checks.retain(|check| check.status() != CheckStatus::Pass);
        checks
    }

    async fn names(&self, status: CheckStatus) -> Vec<String> {
        let mut found = self.findings().await;
        found.retain(|check| check.status() == status);
        found.into_iter().map(|check| check.name).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_the_template_sets_up_lacks_nothing() {
    let account = Account::new().await;
    let findings = account.findings().await;
    assert!(findings.is_empty(), "{findings:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_names_each_piece_of_the_template_that_is_left_out() {
    let account = Account::new().await;
    let role = ("RoleName", ROLE);
    let documents = document(&template(&["--external-id", EXTERNAL_ID]));
    let policies = &documents["Resources"]["AccessRole"]["Properties"]["Policies"];
    let names: Vec<&Value> = policies
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["PolicyName"])
        .collect();
    assert_eq!(json!(names), json!(["operate", "preflight"]));

    account
        .change("DeletePolicy", &[("PolicyArn", &account.role.boundary)])
        .await;
    let missing = account.findings().await;
    assert_eq!(missing.len(), 1, "{missing:#?}");
    assert_eq!(missing[0].name, "permissions_boundary");
    assert!(
        format!("{missing:?}").contains("does not exist"),
        "{missing:?}"
    );

    account
        .change("DeleteRolePolicy", &[role, ("PolicyName", "operate")])
        .await;
    let denied = account.names(CheckStatus::Fail).await;
    for name in [
        "region",
        "reading",
        "permissions_boundary",
        "dax:CreateCluster",
        "iam:PassRole",
    ] {
        assert!(denied.iter().any(|one| one == name), "{name}: {denied:?}");
    }
    account
        .change("DeleteRolePolicy", &[role, ("PolicyName", "preflight")])
        .await;
    let unchecked = account.names(CheckStatus::NotChecked).await;
    assert!(
        unchecked.iter().any(|one| one == "dax:CreateCluster"),
        "{unchecked:?}"
    );

    let trust = trust_of(PRINCIPAL_ARN, "another");
    account
        .change(
            "UpdateAssumeRolePolicy",
            &[role, ("PolicyDocument", &trust)],
        )
        .await;
    assert_eq!(account.names(CheckStatus::Fail).await, ["identity"]);
}
