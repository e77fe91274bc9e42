//! Tests of the directory: its faults, all at once, and its reload.

use std::path::Path;

use super::reload::Reload;
use super::{Faults, Organisation};

const TWO: &str = r#"
[targets.default]
region = "us-east-1"
permissions_boundary = "arn:aws:iam::123456789012:policy/boundary"

[targets.payments-prod]
account_id = "210987654321"
region = "eu-west-1"
assume_role_arn = "arn:aws:iam::210987654321:role/dax-provisioner-payments-prod"
external_id = "0123456789abcdef"
permissions_boundary = "arn:aws:iam::210987654321:policy/boundary"
default_access = "read_only"
"#;

fn write(directory: &Path, text: &str) {
    std::fs::write(directory.join("organisation.toml"), text).unwrap();
}

pub(super) fn read(text: &str) -> Result<Organisation, Faults> {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), text);
    Organisation::read(directory.path())
}

/// The places of all faults, sorted.
pub(super) fn places(text: &str) -> Vec<String> {
    let mut places: Vec<String> = read(text)
        .unwrap_err()
        .0
        .into_iter()
        .map(|one| one.place)
        .collect();
    places.sort();
    places
}

#[test]
fn targets_are_read_with_their_roles() {
    let organisation = read(TWO).unwrap();
    let names: Vec<&str> = organisation
        .targets
        .keys()
        .map(|name| name.as_str())
        .collect();
    assert_eq!(names, ["default", "payments-prod"]);
    let [own, assumed] = [0, 1].map(|at| organisation.targets.values().nth(at).unwrap());
    assert_eq!(
        (own.region.as_str(), &own.role, &own.account_id),
        ("us-east-1", &None, &None)
    );
    assert_eq!(
        assumed.role.as_ref().unwrap().external_id,
        "0123456789abcdef"
    );
    assert_eq!(organisation.hash.len(), 64);
    assert_ne!(organisation.hash, read(&format!("{TWO}\n")).unwrap().hash);
}

#[test]
fn all_faults_are_reported_at_once() {
    let text = r#"
colour = "blue"
[callers.portal]
groups = []
[targets.Default]
region = "mars-1"
[targets.two]
account_id = 12
region = "eu-west-1"
assume_role_arn = "role"
permissions_boundary = "arn:aws:iam::aws:policy/AdministratorAccess"
default_access = "all"
regoin = "eu-west-1"
[targets.three]
region = "eu-west-1"
external_id = "x"
permissions_boundary = "none"
"#;
    let expected = [
        "callers",
        "colour",
        "targets.Default",
        "targets.Default.permissions_boundary",
        "targets.Default.region",
        "targets.three.external_id",
        "targets.three.external_id",
        "targets.two.account_id",
        "targets.two.assume_role_arn",
        "targets.two.default_access",
        "targets.two.external_id",
        "targets.two.permissions_boundary",
        "targets.two.regoin",
    ];
    assert_eq!(places(text), expected);
}

#[test]
fn targets_share_no_account_and_region_and_have_one_partition() {
    let target = |name: &str, account: &str, region: &str, boundary: &str| {
        format!(
            "[targets.{name}]\naccount_id = \"{account}\"\nregion = \"{region}\"\n\
             assume_role_arn = \"arn:aws:iam::{account}:role/x\"\nexternal_id = \"abc\"\n\
             permissions_boundary = \"{boundary}\"\n"
        )
    };
    let a = target("a", "111111111111", "eu-west-1", "none");
    let b = |account, region, boundary| a.clone() + &target("b", account, region, boundary);
    assert!(read(&b("111111111111", "us-east-1", "none")).is_ok());
    assert!(read(&b("222222222222", "eu-west-1", "none")).is_ok());
    let same = places(&b("111111111111", "eu-west-1", "none"));
    assert_eq!(same, ["targets.b.region"]);
    let other = places(&b("222222222222", "cn-north-1", "none"));
    assert_eq!(other, ["targets.b.region"]);
    let boundary = "arn:aws:iam::111111111111:policy/x";
    assert!(read(&b("111111111111", "us-east-1", boundary)).is_ok());
    assert_eq!(
        places(&b("222222222222", "us-east-1", boundary)),
        ["targets.b.permissions_boundary"]
    );
    let own = "[targets.c]\nregion = \"eu-west-1\"\npermissions_boundary = \"none\"\n";
    let twice = own.to_owned() + &own.replace("targets.c", "targets.d");
    assert_eq!(places(&twice), ["targets.d.region"]);
}

#[test]
fn a_fault_names_its_line_or_key_and_never_the_value() {
    let broken = read("[targets.default]\nregion = \n")
        .unwrap_err()
        .to_string();
    assert!(broken.starts_with("organisation.toml: line "), "{broken}");
    let secret = read("[targets.default]\nregion = [\"hunter2\"]\npermissions_boundary = 1\n");
    let text = secret.unwrap_err().to_string();
    assert!(
        text.contains("targets.default.region: must be a string") && !text.contains("hunter2"),
        "{text}"
    );
    let none = Organisation::read(Path::new("/nonexistent")).unwrap_err();
    assert!(none.to_string().contains("does not exist"), "{none}");
}

#[test]
fn a_new_version_is_taken_when_two_reads_agree_and_an_invalid_one_is_reported_once() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), TWO);
    let organisation = Organisation::read(directory.path()).unwrap();
    let mut reload = Reload::new(directory.path().to_owned(), &organisation.hash);
    assert_eq!((reload.read_again(), reload.read_again()), (None, None));
    write(directory.path(), "[targets.default");
    assert_eq!(reload.read_again(), None);
    write(directory.path(), &TWO.replace("eu-west-1", "eu-west-2"));
    assert_eq!(reload.read_again(), None);
    assert!(reload.read_again().unwrap().is_ok());
    assert_eq!(reload.read_again(), None);
    write(directory.path(), "[targets.default");
    assert_eq!(reload.read_again(), None);
    assert!(reload.read_again().unwrap().is_err());
    assert_eq!((reload.read_again(), reload.read_again()), (None, None));
    std::fs::remove_file(directory.path().join("organisation.toml")).unwrap();
    assert_eq!(reload.read_again(), None);
    assert!(reload.read_again().unwrap().is_err());
}

#[test]
fn a_version_that_appears_during_the_start_is_found() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), TWO);
    let mut reload = Reload::new(directory.path().to_owned(), "of the version before");
    assert!(reload.read_again().unwrap().is_ok());
    assert_eq!(reload.read_again(), None);
}
