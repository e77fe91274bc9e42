//! The subnet group and the parameter group of a create.

use super::*;

#[test]
fn groups_are_existing_or_new() {
    let group = |group: Value| with(json!({"subnet_group": group}));
    assert!(read(group(json!({"name": "default"}))).is_ok());
    expect(group(json!({})), &[("/subnet_group", "required")]);
    expect(
        group(json!({"name": "a", "subnet_ids": ["subnet-0a1b2c3d"]})),
        &[("/subnet_group", "exclusive")],
    );
    expect(
        group(json!({"vpc_id": "vpc-0a1b2c3d"})),
        &[("/subnet_group/vpc_id", "not_offered")],
    );
    let twice = json!({"subnet_ids": ["subnet-0a1b2c3d", "subnet-0a1b2c3d"]});
    expect(group(twice), &[("/subnet_group/subnet_ids/1", "duplicate")]);
    expect(
        group(json!({"subnet_ids": []})),
        &[("/subnet_group", "required")],
    );
    expect(
        with(json!({"parameters": {}})),
        &[("/parameters", "required")],
    );
    let both = json!({"parameters": {"record_ttl_millis": 1}, "parameter_group": {"name": "a"}});
    expect(with(both), &[("/parameter_group", "exclusive")]);
    let negative = json!({"parameters": {"record_ttl_millis": -1, "query_ttl_millis": 1}});
    expect(
        with(negative),
        &[("/parameters/record_ttl_millis", "out_of_range")],
    );
    // The other rule of the whole object is not broken.
    let negative = json!({"parameters": {"record_ttl_millis": -1}});
    expect(
        with(negative),
        &[("/parameters/record_ttl_millis", "out_of_range")],
    );
}
