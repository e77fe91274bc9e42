//! Patches: which settings change, and which are validated.

use crate::api::clusters::limits::{account, cluster};
use crate::domain::spec::{OnFailure, ParameterGroup};
use crate::domain::validation::typed::{MaintenanceWindow, NodeType, RoleArn};

use super::*;

/// The settings of the cluster after a valid patch.
fn patched(cluster: &Cluster, patch: Value) -> ClusterSpec {
    validate(patch, cluster, &account()).unwrap().after
}

/// The pointer and code of each violation of an invalid patch.
fn errors(cluster: &Cluster, patch: Value) -> Vec<(String, String)> {
    let problem = json!(validate(patch, cluster, &account()).unwrap_err());
    let errors = problem["errors"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    errors
        .map(|error| (text(&error["pointer"]), text(&error["code"])))
        .collect()
}

fn with_parameters(group: ParameterGroup) -> Cluster {
    let mut cluster = cluster();
    cluster.desired.parameter_group = group;
    cluster
}

fn new_group(values: &[(&str, &str)]) -> ParameterGroup {
    let values = values.iter();
    ParameterGroup::New {
        values: values
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    }
}

/// Fields are copied by name from one spec to another.
#[test]
fn every_field_of_a_patch_is_a_setting() {
    let document = json!(crate::api::openapi());
    let schema = &document["components"]["schemas"]["ClusterPatch"]["properties"];
    let mut fields: BTreeSet<&str> = schema
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    // One setting with `parameter_group`, and no settings.
    for other in ["parameters", "reboot_nodes_if_needed", "project"] {
        assert!(fields.remove(other), "{other}");
    }
    let spec = json!(cluster().desired);
    for field in fields {
        assert!(spec.get(field).is_some(), "{field}");
    }
}

#[test]
fn fields_that_a_patch_does_not_name_keep_their_values_even_if_invalid() {
    let mut cluster = cluster();
    let adopted = &mut cluster.desired;
    adopted.node_type = NodeType::from_aws("dax.new-family.large");
    adopted.maintenance_window = Some(MaintenanceWindow::from_aws("always"));
    adopted.service_role = ServiceRole::Existing {
        arn: RoleArn::from_aws("other"),
    };
    adopted.tags = BTreeMap::from([(TagKey::from_aws("a!"), "x".to_owned())]);
    let mut expected = adopted.clone();
    assert_eq!(patched(&cluster, json!({})), expected);
    let patch = json!({
        "description": "new", "tags": {"team": "orders"}, "on_failure": "roll_back",
        "service_role": {},
    });
    expected.description = Some("new".to_owned());
    expected
        .tags
        .insert(TagKey::from_aws("team"), "orders".to_owned());
    expected.local.on_failure = OnFailure::RollBack;
    assert_eq!(patched(&cluster, patch), expected);
}

#[test]
fn null_removes_a_setting_and_an_empty_description_clears_the_one_in_aws() {
    let mut cluster = cluster();
    let topic = "arn:aws:sns:us-east-1:123456789012:dax-events";
    let set = json!({"description": "old", "notification_topic_arn": topic, "tags": {"a": "b"}});
    cluster.desired = patched(&cluster, set);
    assert!(cluster.desired.notification_topic_arn.is_some());
    let removed = patched(
        &cluster,
        json!({"description": null, "notification_topic_arn": null, "tags": {"a": null}}),
    );
    assert_eq!(removed.description.as_deref(), Some(""));
    assert_eq!(removed.notification_topic_arn, None);
    assert!(removed.tags.is_empty());
    let empty = patched(&cluster, json!({"description": "", "tags": null}));
    assert_eq!(empty.description.as_deref(), Some(""));
    assert!(empty.tags.is_empty());
}

#[test]
fn parameters_are_merged_and_exclude_a_group() {
    let own = with_parameters(new_group(&[("record-ttl-millis", "1")]));
    let both = new_group(&[("record-ttl-millis", "1"), ("query-ttl-millis", "2")]);
    let patch = json!({"parameters": {"query_ttl_millis": 2}});
    assert_eq!(patched(&own, patch).parameter_group, both);
    let group = || json!({"parameters": null, "parameter_group": {"name": "mine"}});
    let existing = patched(&own, group()).parameter_group;
    assert_eq!(
        existing,
        ParameterGroup::Existing {
            name: "mine".to_owned()
        }
    );
    let none = patched(&own, json!({"parameters": null})).parameter_group;
    assert_eq!(none, ParameterGroup::Default);
    let other = with_parameters(existing.clone());
    for patch in [json!({"parameters": null}), json!({"parameter_group": {}})] {
        assert_eq!(patched(&other, patch).parameter_group, existing);
    }
    let error = |pointer: &str, code: &str| vec![(pointer.to_owned(), code.to_owned())];
    let patch = json!({"parameter_group": {"name": "mine"}});
    assert_eq!(errors(&own, patch), error("/parameter_group", "exclusive"));
    let patch = json!({"parameters": {"query_ttl_millis": 2}});
    assert_eq!(errors(&other, patch), error("/parameters", "exclusive"));
    let patch = json!({"parameters": {"record_ttl_millis": -1}});
    let invalid = error("/parameters/record_ttl_millis", "out_of_range");
    assert_eq!(errors(&own, patch), invalid);
    let patch = json!({"parameters": {"record_ttl_millis": null}});
    assert_eq!(errors(&own, patch), error("/parameters", "required"));
}

#[test]
fn the_access_of_a_role_is_merged() {
    let mut cluster = cluster();
    let role = |access: Access, names: &[&str]| ServiceRole::New {
        access,
        tables: Tables::Named(names.iter().map(|name| (*name).to_owned()).collect()),
    };
    cluster.desired.service_role = role(Access::ReadOnly, &["abc", "def"]);
    let patch = |role: Value| json!({"service_role": role});
    let after = |role: Value| patched(&cluster, patch(role)).service_role;
    let unchanged = after(json!({"tables": ["def", "abc"], "access": "read_only"}));
    assert_eq!(unchanged, cluster.desired.service_role);
    let writable = after(json!({"access": "read_write"}));
    assert_eq!(writable, role(Access::ReadWrite, &["abc", "def"]));
    let all = ServiceRole::New {
        access: Access::ReadOnly,
        tables: Tables::All,
    };
    assert_eq!(after(json!({"tables": null, "all_tables": true})), all);
    let error = |pointer: &str, code: &str| vec![(pointer.to_owned(), code.to_owned())];
    let found = errors(&cluster, patch(json!({"all_tables": true})));
    assert_eq!(found, error("/service_role/all_tables", "exclusive"));
    cluster.desired.service_role = ServiceRole::Discover {
        default_access: Some(Access::ReadOnly),
    };
    let found = errors(&cluster, patch(json!({"tables": ["abc"]})));
    assert_eq!(found, error("/service_role/tables", "exclusive"));
    let same = patched(&cluster, patch(json!({"access": "read_only"}))).service_role;
    assert_eq!(same, cluster.desired.service_role);
    let named = patched(
        &cluster,
        patch(json!({"tables": ["abc"], "all_tables": null})),
    );
    assert_eq!(named.service_role, role(Access::ReadOnly, &["abc"]));
}
