//! The policies and tests of docs/authorization.md, as they are written there.

use std::path::Path;

use dax_provisioner::authorization::BUILT_IN;
use dax_provisioner::organisation::Organisation;

const TARGET: &str = "[targets.default]\nregion = \"us-east-1\"\npermissions_boundary = \"none\"\n";

/// The blocks of a language in the page.
fn blocks(language: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/authorization.md");
    let text = std::fs::read_to_string(page).unwrap();
    let mut found = String::new();
    for part in text.split(&format!("```{language}\n")).skip(1) {
        found += part.split("```").next().unwrap();
    }
    assert!(!found.is_empty(), "{language}");
    found
}

/// A directory with the limits of the page and these policy tests.
fn read(tests: &str) -> Result<Organisation, String> {
    read_in("us-east-1", tests)
}

/// The same with another Region of the only target.
fn read_in(region: &str, tests: &str) -> Result<Organisation, String> {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    std::fs::create_dir(directory.path().join("policies")).unwrap();
    let target = TARGET.replace("us-east-1", region);
    write(
        "organisation.toml",
        &format!("{target}\n{}", blocks("toml")),
    );
    write("policies/roles.cedar", BUILT_IN);
    write("policies/limits.cedar", &blocks("cedar"));
    write("policies/tests.json", tests);
    Organisation::read(directory.path()).map_err(|faults| faults.to_string())
}

#[test]
fn the_documented_limits_and_their_tests_are_valid() {
    let organisation = read(&blocks("json")).unwrap();
    assert_eq!(organisation.policy_tests, 7);
    assert_eq!(organisation.rules.projects.len(), 3);
    assert_eq!(organisation.oidc.len(), 1);
}

#[test]
fn a_policy_test_with_another_decision_is_a_fault() {
    let wrong = blocks("json").replacen("\"allow\"", "\"deny\"", 1);
    let faults = read(&wrong).unwrap_err();
    assert_eq!(
        faults,
        "policies/tests.json: operators of payments create clusters: is allowed, and must be denied"
    );
    let other = blocks("json").replacen("payments_nodes", "budget", 1);
    assert!(read(&other).unwrap_err().contains("must be by budget"));
    let elsewhere = read_in("ap-south-1", &blocks("json")).unwrap_err();
    assert!(elsewhere.contains("is denied by regions"), "{elsewhere}");
    let unknown = blocks("json").replacen("scale_cluster", "shrink", 1);
    assert!(read(&unknown).unwrap_err().contains("no action"));
    let typed = blocks("json").replacen("\"project_nodes\": 13", "\"project_nodes\": \"13\"", 1);
    assert!(read(&typed).is_err());
    assert!(read("{}").is_err());
}

#[test]
fn a_policy_that_would_not_be_read_is_a_fault() {
    for name in ["team/deny.cedar", "deny.CEDAR", ".deny.cedar"] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("policies").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "@id(\"x\") forbid (principal, action, resource);").unwrap();
        std::fs::write(directory.path().join("organisation.toml"), TARGET).unwrap();
        let faults = Organisation::read(directory.path())
            .unwrap_err()
            .to_string();
        assert!(faults.contains("is not read"), "{name}: {faults}");
    }
}
