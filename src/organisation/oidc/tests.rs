//! Tests of the tables of identity providers.

use crate::organisation::tests::{places, read};

const TARGET: &str = "[targets.default]\nregion = \"us-east-1\"\npermissions_boundary = \"none\"\n";

const CORP: &str = r#"
[oidc.corp]
issuer = "https://login.example.com/realms/platform"
audience = "dax-provisioner"
groups_claim = "/realm_access/roles"
group_map = { "dax-admins" = "admins", "payments-devs" = "operators" }
projects_claim = "projects"
"#;

#[test]
fn a_table_is_read_and_only_issuer_and_audience_are_required() {
    let small = "[oidc.ci]\nissuer = \"https://ci.example.com\"\naudience = \"dax\"\n";
    let organisation = read(&[TARGET, CORP, small].concat()).unwrap();
    let [ci, corp] = ["ci", "corp"].map(|name| &organisation.oidc[name]);
    assert_eq!(
        corp.issuer.as_str(),
        "https://login.example.com/realms/platform"
    );
    assert_eq!(corp.audience, "dax-provisioner");
    assert_eq!(
        corp.groups_claim.as_ref().unwrap().to_string(),
        "/realm_access/roles"
    );
    assert_eq!(corp.group_map["dax-admins"], "admins");
    assert_eq!(
        corp.projects_claim.as_ref().unwrap().to_string(),
        "projects"
    );
    assert_eq!((&ci.groups_claim, &ci.projects_claim), (&None, &None));
    assert!(ci.group_map.is_empty() && read(TARGET).unwrap().oidc.is_empty());
}

#[test]
fn all_faults_of_the_tables_are_reported_at_once() {
    let text = r#"
[oidc.Corp]
issuer = "http://login.example.com"
audience = ""
groups_claim = "/a~2"
group_map = { "a" = "other:admins" }
[oidc.b]
projects_claim = 3
group_map = { "a" = "admins" }
jwks_uri = "https://keys.example.com"
[oidc.c]
issuer = "https://c.example.com"
audience = ["a", "b"]
groups_claim = "groups"
group_map = { "a" = ["admins"] }
"#;
    let expected = [
        "oidc.Corp",
        "oidc.Corp.audience",
        "oidc.Corp.group_map",
        "oidc.Corp.groups_claim",
        "oidc.Corp.issuer",
        "oidc.b.audience",
        "oidc.b.group_map",
        "oidc.b.issuer",
        "oidc.b.jwks_uri",
        "oidc.b.projects_claim",
        "oidc.c.audience",
        "oidc.c.group_map",
    ];
    assert_eq!(places(&[TARGET, text].concat()), expected);
}

#[test]
fn two_tables_share_an_issuer_but_not_with_the_same_audience() {
    let two = |audience: &str| {
        let other = CORP.replace("oidc.corp", "oidc.other");
        [TARGET, CORP, &other.replace("dax-provisioner", audience)].concat()
    };
    assert_eq!(read(&two("other")).unwrap().oidc.len(), 2);
    assert_eq!(places(&two("dax-provisioner")), ["oidc.other.audience"]);
}
