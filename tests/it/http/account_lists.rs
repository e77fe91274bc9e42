//! What a request can choose from, over HTTP: service roles, subnet groups, parameter groups.

use std::collections::BTreeMap;

use dax_provisioner::domain::iam::policies::trust_policy;
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::names::INSTALLATION_TAG;
use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};

use crate::support::api::ApiClient;
use crate::support::requests::spec_with_groups;
use crate::support::test_env::TestEnv;

/// Makes a role as an administrator does, and returns its ARN.
async fn make_role(
    world: &TestEnv,
    path: &str,
    name: &str,
    principal: &str,
    tags: BTreeMap<String, String>,
) -> String {
    let made = Mutation::CreateRole {
        name: name.to_owned(),
        path: path.to_owned(),
        trust_policy: trust_policy()
            .to_json()
            .replace("dax.amazonaws.com", principal),
        permissions_boundary: None,
        description: String::new(),
        tags,
    };
    world
        .admin
        .send(&made, &world.account)
        .await
        .unwrap()
        .arn
        .unwrap()
}

/// One field of every item, page by page of one item.
async fn listed(door: &ApiClient, list: &str, field: &str) -> Vec<String> {
    let (mut path, mut seen) = (format!("/v1/{list}?limit=1"), Vec::new());
    loop {
        let page = door.get(&path).await;
        assert_eq!(page.status, 200, "{page:?}");
        assert!(page.body["items"].as_array().unwrap().len() <= 1);
        seen.extend(
            page.body["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one[field].as_str().unwrap().to_owned()),
        );
        let link = page.header("link");
        if link.is_empty() {
            return seen;
        }
        path = link[1..link.find('>').unwrap()].to_owned();
    }
}

fn item<'a>(list: &'a Value, name: &str) -> &'a Value {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == name)
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_that_trust_dax_are_listed_with_their_owner() {
    let world = TestEnv::new().await;
    let door = world.api();
    assert_eq!(
        door.get("/v1/service_roles").await.body,
        json!({"items": [], "next_cursor": null})
    );
    let dax = "dax.amazonaws.com";
    let arn = make_role(
        &world,
        "/service-role/",
        "DAXServiceRole",
        dax,
        BTreeMap::new(),
    )
    .await;
    make_role(&world, "/", "Web", "ec2.amazonaws.com", BTreeMap::new()).await;
    make_role(
        &world,
        "/dax-provisioner/",
        "dax-old-aaaaaaaaaa",
        dax,
        BTreeMap::new(),
    )
    .await;
    let tag = BTreeMap::from([(INSTALLATION_TAG.to_owned(), "x".to_owned())]);
    let tagged = make_role(&world, "/", "Moved", dax, tag).await;
    let list = door.get("/v1/service_roles").await.body;
    assert_eq!(list["items"].as_array().unwrap().len(), 3, "{list:#}");
    let role = item(&list, "DAXServiceRole");
    assert_eq!(
        (&role["arn"], &role["path"], &role["owner"]),
        (&json!(arn), &json!("/service-role/"), &json!("external"))
    );
    assert!(role["created_at"].is_string());
    assert_eq!(item(&list, "dax-old-aaaaaaaaaa")["owner"], "managed");
    assert_eq!(
        item(&list, "Moved")["owner"],
        "external",
        "its tags may not be read"
    );
    world.grant(&[tagged], Vec::new());
    assert_eq!(
        item(&door.get("/v1/service_roles").await.body, "Moved")["owner"],
        "managed"
    );

    let names: Vec<&str> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(listed(&door, "service_roles", "name").await, names);
    world.grant_all_except("iam:ListRoles");
    let refused = door.get("/v1/service_roles").await;
    assert_eq!(
        refused.rejected(502, "permission_missing")["aws"]["action"],
        "iam:ListRoles"
    );
    assert_eq!(
        refused.body["hints"][0]["policy"]["Statement"][0]["Action"],
        "iam:ListRoles"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_are_listed_with_their_owner_and_ours_with_their_cluster() {
    let world = TestEnv::new().await;
    let (door, worker) = (world.api(), world.worker("w"));
    let create = world.create(&spec_with_groups(&world, "orders")).await;
    assert_eq!(
        world.settle(&worker, create).await.status,
        Status::Succeeded
    );

    let list = door.get("/v1/subnet_groups").await.body;
    let default = item(&list, "default");
    assert_eq!(
        (&default["owner"], &default["cluster"]),
        (&json!("external"), &json!(null))
    );
    assert!(
        default["vpc_id"].as_str().unwrap().starts_with("vpc-"),
        "{default:#}"
    );
    assert!(
        default["subnets"][0]["subnet_id"]
            .as_str()
            .unwrap()
            .starts_with("subnet-")
    );
    assert!(
        default["subnets"][0]["availability_zone"]
            .as_str()
            .unwrap()
            .starts_with("us-east-1")
    );
    assert_eq!(default["network_types"][0], "ipv4");
    let names = listed(&door, "subnet_groups", "name").await;
    assert_eq!((names.len(), names.is_sorted()), (2, true), "{names:?}");
    let managed = item(
        &list,
        names
            .iter()
            .find(|name| name.starts_with("dax-orders-"))
            .unwrap(),
    );
    assert_eq!(
        (&managed["owner"], &managed["cluster"]),
        (&json!("managed"), &json!("orders"))
    );

    let list = door.get("/v1/parameter_groups").await.body;
    assert_eq!(item(&list, "default.dax1.0")["owner"], "external");
    let names = listed(&door, "parameter_groups", "name").await;
    assert_eq!(names.len(), list["items"].as_array().unwrap().len());
    let managed = item(
        &list,
        names
            .iter()
            .find(|name| name.starts_with("dax-orders-"))
            .unwrap(),
    );
    assert_eq!(
        (&managed["owner"], &managed["cluster"]),
        (&json!("managed"), &json!("orders"))
    );

    for (list, action) in [
        ("subnet_groups", "dax:DescribeSubnetGroups"),
        ("parameter_groups", "dax:DescribeParameterGroups"),
    ] {
        world.grant_all_except(action);
        let refused = door.get(&format!("/v1/{list}")).await;
        assert_eq!(
            refused.rejected(502, "permission_missing")["aws"]["action"],
            action
        );
        door.get(&format!("/v1/{list}?limit=0&sort=name"))
            .await
            .rejected(422, "invalid_request");
    }
}
