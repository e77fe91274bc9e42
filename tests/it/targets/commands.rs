//! The commands that speak of a target: `doctor`, `policy` and `target rename`.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use dax_provisioner::aws::LOOKUPS_BUILT_IN;
use dax_provisioner::domain::iam::policies::boundary::boundary_policy;
use dax_provisioner::domain::iam::policies::service::{ServiceScope, service_policy};
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::engine::processes::{BINARY, call, start_database, start_with, wait_until_succeeded};
use crate::support::signed_calls::query_at;
use crate::support::test_env::TestEnv;
use crate::targets::service::table;
use crate::targets::setup::{
    AccessRole, EXTERNAL_ID, MAIN, OTHER, PRINCIPAL, administrator, put_principal, set_up,
    two_regions,
};

/// An environment with the organisation of two targets in a directory.
struct Operator {
    env: TestEnv,
    roles: [AccessRole; 2],
    directory: TempDir,
}

impl Operator {
    async fn new() -> Self {
        let env = TestEnv::with(two_regions()).await;
        put_principal(&env.sandbox);
        let main = administrator(&env.sandbox, &env.endpoint, MAIN, "us-east-1").await;
        let other = administrator(&env.sandbox, &env.endpoint, OTHER, "eu-west-1").await;
        let roles = [
            set_up(&main, "main", &[]).await,
            set_up(&other, "payments", &[]).await,
        ];
        let directory = tempfile::tempdir().unwrap();
        let tables = [("main", &roles[0]), ("payments", &roles[1])]
            .map(|(name, role)| table(name, role, &role.account.account_id, EXTERNAL_ID));
        std::fs::write(directory.path().join("organisation.toml"), tables.concat()).unwrap();
        Self {
            env,
            roles,
            directory,
        }
    }

    async fn run(&self, command: &str, arguments: &[&str]) -> Output {
        let mut command = self.command(command, arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }

    fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .args([name, "--aws-endpoint", &self.env.endpoint, "--organisation"])
            .arg(self.directory.path())
            .args(arguments)
            .env("AWS_ACCESS_KEY_ID", PRINCIPAL)
            .env("AWS_SECRET_ACCESS_KEY", PRINCIPAL)
            .env("DATABASE_URL", self.env.database.url())
            .env_remove("DAX_PROVISIONER_PERMISSIONS_BOUNDARY");
        command
    }
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The lines of a target, without its name.
fn lines_of(report: &str, target: &str) -> Vec<String> {
    let named = format!("{target}: ");
    let lines = report.lines().filter(|line| line.contains(&named));
    lines.map(|line| line.replacen(&named, "", 1)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_checks_every_target_and_names_what_one_of_them_lacks() {
    let operator = Operator::new().await;
    let report = text(&operator.run("doctor", &[]).await);
    for target in ["main", "payments"] {
        let lines = lines_of(&report, target);
        assert!(lines.len() >= 6, "{report}");
        let unbound = "the database is not bound to an account yet";
        let is_fine = |line: &String| line.starts_with("pass") || line.ends_with(unbound);
        assert!(lines.iter().all(is_fine), "{report}");
        assert!(
            lines
                .iter()
                .any(|line| line.contains("permissions: all allowed")),
            "{report}"
        );
    }
    let detach = [
        ("RoleName", "dax-provisioner-payments"),
        (
            "PolicyArn",
            "arn:aws:iam::210987654321:policy/dax-provisioner-payments-1",
        ),
    ];
    let keys = (OTHER, OTHER);
    let detached = query_at(
        &operator.env.endpoint,
        keys,
        "iam",
        "DetachRolePolicy",
        &detach,
    )
    .await;
    assert_eq!(detached.status, 200, "{}", detached.text);
    let output = operator.run("doctor", &[]).await;
    let report = text(&output);
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert!(
        lines_of(&report, "main")
            .iter()
            .all(|line| !line.starts_with("fail")),
        "{report}"
    );
    let lines = lines_of(&report, "payments");
    let fails = |name: &str| {
        lines
            .iter()
            .any(|line| line.starts_with("fail") && line.contains(name))
    };
    assert!(fails("permission iam:PassRole"), "{report}");
    assert!(
        report.contains(
            "add to the service's policy: {\"Effect\":\"Allow\",\"Action\":\"iam:PassRole\""
        ),
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_can_check_one_target_and_knows_its_account_and_its_role() {
    let operator = Operator::new().await;
    let report = text(&operator.run("doctor", &["--target", "payments"]).await);
    assert!(lines_of(&report, "main").is_empty(), "{report}");
    assert!(
        report.contains(&format!("(account {OTHER}, eu-west-1)")),
        "{report}"
    );
    let output = operator.run("doctor", &["--target", "nowhere"]).await;
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.contains("no target nowhere; it has main, payments"),
        "{errors}"
    );
    // The trust asks for another external ID.
    let path = operator.directory.path().join("organisation.toml");
    let wrong = std::fs::read_to_string(&path)
        .unwrap()
        .replace(EXTERNAL_ID, "another");
    std::fs::write(&path, wrong).unwrap();
    let report = text(&operator.run("doctor", &["--target", "payments"]).await);
    let lines = lines_of(&report, "payments");
    assert!(
        lines[0].starts_with("fail") && lines[0].contains("AssumeRole failed (AccessDenied)"),
        "{report}"
    );
    assert!(
        report.contains("trust the principal of the service"),
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policy_of_a_target_has_its_account_its_region_and_its_boundary() {
    let operator = Operator::new().await;
    let role = &operator.roles[1];
    let printed = |output: &Output| serde_json::from_slice::<Value>(&output.stdout).unwrap();
    let expected = service_policy(&ServiceScope {
        partition: "aws",
        account_id: OTHER,
        region: "eu-west-1",
        boundary_arn: Some(&role.boundary),
        service_role_arns: &[],
        lookups: LOOKUPS_BUILT_IN,
    });
    let policy = operator.run("policy", &["--target", "payments"]).await;
    assert_eq!(printed(&policy), serde_json::to_value(&expected).unwrap());
    let boundary = operator
        .run("policy", &["--target", "payments", "--boundary"])
        .await;
    let expected = boundary_policy("aws", "eu-west-1", OTHER, &[]);
    assert_eq!(printed(&boundary), serde_json::to_value(&expected).unwrap());
    let flags = [
        "--target",
        "payments",
        "--account-id",
        OTHER,
        "--region",
        "eu-west-1",
        "--permissions-boundary",
        "none",
    ];
    let output = operator.run("policy", &flags).await;
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    let errors = String::from_utf8(output.stderr).unwrap();
    for flag in ["--account-id", "--region", "--permissions-boundary"] {
        assert!(
            errors.contains(&format!("{flag}: cannot be combined")),
            "{errors}"
        );
    }
}

fn rename(database: &str, old: &str, new: &str) -> Output {
    Command::new(BINARY)
        .args(["target", "rename", old, new])
        .env("DATABASE_URL", database)
        .output()
        .unwrap()
}

/// Renames until no process is connected.
async fn renamed(database: &str, old: &str, new: &str) -> String {
    let begun = Instant::now();
    loop {
        let output = rename(database, old, new);
        if output.status.success() {
            return text(&output);
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{output:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "one sequence of events")]
async fn a_rename_needs_all_processes_stopped_and_keeps_everything() {
    let (_postgres, database) = start_database("dax-provisioner-rename").await;
    let folder = tempfile::tempdir().unwrap();
    let aws = format!(
        "sandbox --port 0 --creating-seconds 0.2 --propagation-seconds 0 --data-dir {}",
        folder.path().display()
    );
    let (_sandbox, endpoint) = start_with(&aws, &[], "--endpoint-url");
    let variables = [("DATABASE_URL", database.as_str())];
    let serve =
        format!("serve --aws-endpoint {endpoint} --listen 127.0.0.1:0 --authentication off");
    let (process, url) = start_with(&serve, &variables, "listening on");
    let client = Client::builder().no_proxy().build().unwrap();
    let body = json!({
        "name": "orders", "node_type": "dax.t3.small", "replication_factor": 1,
        "service_role": {"access": "read_only", "tables": ["Orders"]},
    });
    let create = client
        .post(format!("{url}/v1/clusters"))
        .header("idempotency-key", "k")
        .json(&body);
    let created = call(create).await;
    let id = created["id"].as_str().unwrap();
    wait_until_succeeded(&client, &url, id, Duration::from_secs(30)).await;
    // At rest, without a lease: a connected process is enough.
    for (old, new, reason) in [
        ("default", "main", "stop every process"),
        ("nowhere", "main", "the database has no target nowhere"),
        (
            "default",
            "default",
            "the database has a target default already",
        ),
    ] {
        let refused = rename(&database, old, new);
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        let error = String::from_utf8(refused.stderr).unwrap();
        assert!(error.contains(reason), "{error}");
    }
    // A killed process would hold the lease of a job for up to two minutes.
    process.stop();
    assert_eq!(
        renamed(&database, "default", "main").await,
        "renamed default to main: 1 clusters\n"
    );

    let directory = tempfile::tempdir().unwrap();
    let tables = "[targets.main]\nregion = \"us-east-1\"\npermissions_boundary = \"none\"\n";
    std::fs::write(directory.path().join("organisation.toml"), tables).unwrap();
    let serve = format!("{serve} --organisation {}", directory.path().display());
    let (_process, url) = start_with(&serve, &variables, "listening on");
    let cluster = call(client.get(format!("{url}/v1/clusters/orders?target=main"))).await;
    assert_eq!(
        (&cluster["target"], &cluster["status"]),
        (&json!("main"), &json!("available")),
        "{cluster:#}"
    );
    let operation = call(client.get(format!("{url}/v1/operations/{id}"))).await;
    assert_eq!(operation["target"], "main", "{operation:#}");
    let delete = client
        .delete(format!("{url}/v1/clusters/orders?target=main"))
        .header("if-match", "*");
    let deleted = call(delete).await;
    let id = deleted["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{deleted:#}"));
    wait_until_succeeded(&client, &url, id, Duration::from_secs(30)).await;
    let records = call(client.get(format!("{url}/v1/audit?action=rename_target"))).await;
    let record = &records["items"][0];
    assert_eq!(
        (&record["subject"], &record["details"]),
        (&json!("default"), &json!({"name": "main"})),
        "{records:#}"
    );
}
