//! The service role of a create.

use super::*;

#[test]
fn a_service_role_is_existing_or_new() {
    let role = |role: Value| with(json!({"service_role": role}));
    let arn = "arn:aws:iam::123456789012:role/DaxRole";
    assert!(read(role(json!({"arn": arn}))).is_ok());
    assert!(read(role(json!({"arn": arn, "all_tables": false}))).is_ok());
    assert!(read(role(json!({"access": "read_only", "all_tables": true}))).is_ok());
    assert!(
        read(role(
            json!({"access": "read_only", "tables": ["abc"], "all_tables": false})
        ))
        .is_ok()
    );
    expect(role(json!({})), &[("/service_role", "required")]);
    expect(
        role(json!({"access": "read_only"})),
        &[("/service_role", "required")],
    );
    expect(
        role(json!({"access": "read_only", "all_tables": false})),
        &[("/service_role", "required")],
    );
    expect(
        role(json!({"tables": ["abc"]})),
        &[("/service_role/access", "required")],
    );
    expect(
        role(json!({"arn": arn, "access": "read_only"})),
        &[("/service_role", "exclusive")],
    );
    let both = json!({"access": "read_only", "tables": ["abc"], "all_tables": true});
    expect(role(both), &[("/service_role/all_tables", "exclusive")]);
    expect(
        role(json!({"access": "read_only", "tables": []})),
        &[("/service_role", "required")],
    );
    let table_arn = "arn:aws:dynamodb:us-east-1:123456789012:table/abc";
    let twice = json!({"access": "read_only", "tables": ["abc", table_arn]});
    expect(role(twice), &[("/service_role/tables/1", "duplicate")]);
    let managed = "arn:aws:iam::123456789012:role/dax-provisioner/dax-a-bbbbbbbbbb";
    expect(
        role(json!({"arn": managed})),
        &[("/service_role/arn", "managed_role")],
    );
}

#[test]
fn tables_that_need_more_policies_than_a_role_takes_are_rejected() {
    let names = |count: usize, length: usize| -> Vec<String> {
        (0..count).map(|n| format!("{n:0length$}")).collect()
    };
    let role = |names: Vec<String>| {
        with(json!({"service_role": {"access": "read_write", "tables": names}}))
    };
    assert!(read(role(names(100, 200))).is_ok());
    expect(
        role(names(500, 200)),
        &[("/service_role/tables", "too_many")],
    );
    expect(
        role(names(501, 3)),
        &[("/service_role/tables", "out_of_range")],
    );
}
