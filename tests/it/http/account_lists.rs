//! What a request can choose from, over HTTP: service roles, subnet groups, parameter groups.

use std::collections::BTreeMap;

use dax_provisioner::domain::iam::policies::trust_policy;
use dax_provisioner::domain::installation::AwsAccount;
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::names::INSTALLATION_TAG;
use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};

use crate::support::api::{ApiClient, strings};
use crate::support::requests::spec_with_groups;
use crate::support::test_env::TestEnv;

const DAX: &str = "dax.amazonaws.com";

/// Creates a role as the account's administrator. Returns its ARN.
async fn create_role(
    env: &TestEnv,
    path: &str,
    name: &str,
    principal: &str,
    tags: BTreeMap<String, String>,
) -> String {
    let role = Mutation::CreateRole {
        name: name.to_owned(),
        path: path.to_owned(),
        trust_policy: trust_policy().to_json().replace(DAX, principal),
        permissions_boundary: None,
        description: String::new(),
        tags,
    };
    let created = env.admin.send(&role, &env.account).await.unwrap();
    created.arn.unwrap()
}

/// The names in a list, read in pages of one item.
async fn names_by_page(api: &ApiClient, list: &str) -> Vec<String> {
    let (mut path, mut names) = (format!("/v1/{list}?limit=1"), Vec::new());
    loop {
        let page = api.get(&path).await;
        assert_eq!(page.status, 200, "{page:?}");
        assert!(page.body["items"].as_array().unwrap().len() <= 1);
        names.extend(
            strings(&page.body["items"], "name")
                .into_iter()
                .map(str::to_owned),
        );
        let link = page.header("link");
        if link.is_empty() {
            return names;
        }
        path = link[1..link.find('>').unwrap()].to_owned();
    }
}

fn item<'a>(list: &'a Value, name: &str) -> &'a Value {
    let mut items = list["items"].as_array().unwrap().iter();
    items.find(|item| item["name"] == name).unwrap()
}

fn managed_name(names: &[String]) -> &str {
    let name = names.iter().find(|name| name.starts_with("dax-orders-"));
    name.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_that_trust_dax_are_listed_with_their_owner() {
    let env = TestEnv::new().await;
    let api = env.api();
    assert_eq!(
        api.get("/v1/service_roles").await.body,
        json!({"items": [], "next_cursor": null})
    );
    let none = BTreeMap::new();
    let arn = create_role(&env, "/service-role/", "DAXServiceRole", DAX, none.clone()).await;
    create_role(&env, "/", "Web", "ec2.amazonaws.com", none.clone()).await;
    create_role(&env, "/dax-provisioner/", "dax-old-aaaaaaaaaa", DAX, none).await;
    let tags = BTreeMap::from([(INSTALLATION_TAG.to_owned(), "x".to_owned())]);
    let tagged = create_role(&env, "/", "Moved", DAX, tags).await;
    let list = api.get("/v1/service_roles").await.body;
    assert_eq!(list["items"].as_array().unwrap().len(), 3, "{list:#}");
    let role = item(&list, "DAXServiceRole");
    assert_eq!(role["arn"], json!(arn));
    assert_eq!(role["path"], "/service-role/");
    assert_eq!(role["owner"], "external");
    assert!(role["created_at"].is_string());
    assert_eq!(item(&list, "dax-old-aaaaaaaaaa")["owner"], "managed");
    let moved = item(&list, "Moved");
    assert_eq!(moved["owner"], "external", "the service may not read tags");
    env.grant(&[tagged], Vec::new());
    let readable = api.get("/v1/service_roles").await.body;
    assert_eq!(item(&readable, "Moved")["owner"], "managed");

    let names = strings(&list["items"], "name");
    assert_eq!(names_by_page(&api, "service_roles").await, names);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_are_listed_with_their_owner_and_managed_ones_with_their_cluster() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    let create = env.create(&spec_with_groups(&env, "orders")).await;
    assert_eq!(env.settle(&worker, create).await.status, Status::Succeeded);

    let list = api.get("/v1/subnet_groups").await.body;
    let default = item(&list, "default");
    assert_eq!(default["owner"], "external");
    assert_eq!(default["cluster"], json!(null));
    let starts_with = |value: &Value, prefix: &str| value.as_str().unwrap().starts_with(prefix);
    assert!(starts_with(&default["vpc_id"], "vpc-"), "{default:#}");
    let subnet = &default["subnets"][0];
    assert!(starts_with(&subnet["subnet_id"], "subnet-"));
    assert!(starts_with(&subnet["availability_zone"], "us-east-1"));
    assert_eq!(default["network_types"][0], "ipv4");
    let names = names_by_page(&api, "subnet_groups").await;
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.is_sorted(), "{names:?}");
    let managed = item(&list, managed_name(&names));
    assert_eq!(managed["owner"], "managed");
    assert_eq!(managed["cluster"], "orders");

    let list = api.get("/v1/parameter_groups").await.body;
    assert_eq!(item(&list, "default.dax1.0")["owner"], "external");
    let names = names_by_page(&api, "parameter_groups").await;
    assert_eq!(names.len(), list["items"].as_array().unwrap().len());
    let managed = item(&list, managed_name(&names));
    assert_eq!(managed["owner"], "managed");
    assert_eq!(managed["cluster"], "orders");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_without_its_permission_is_a_problem_with_a_policy() {
    let env = TestEnv::new().await;
    let api = env.api();
    for (list, action) in [
        ("service_roles", "iam:ListRoles"),
        ("subnet_groups", "dax:DescribeSubnetGroups"),
        ("parameter_groups", "dax:DescribeParameterGroups"),
    ] {
        env.grant_all_except(action);
        let response = api.get(&format!("/v1/{list}")).await;
        let problem = response.rejected(502, "permission_missing");
        assert_eq!(problem["aws"]["action"], action);
        let statement = &problem["hints"][0]["policy"]["Statement"][0];
        assert_eq!(statement["Action"], action);
    }
}

#[tokio::test]
async fn unknown_query_parameters_of_a_list_are_rejected() {
    let env = TestEnv::new().await;
    let api = env.api();
    for list in ["subnet_groups", "parameter_groups"] {
        api.get(&format!("/v1/{list}?limit=0&sort=name"))
            .await
            .rejected(422, "invalid_request");
    }
}

#[tokio::test]
async fn node_types_are_listed_with_their_size_and_whether_the_region_offers_them() {
    let env = TestEnv::new().await;
    let api = env.api();
    let all = api.get("/v1/node_types?limit=100").await.body;
    let by_name = |name: &str| {
        let mut items = all["items"].as_array().unwrap().iter();
        items.find(|item| item["name"] == name).unwrap().clone()
    };
    assert_eq!(
        by_name("dax.r4.large"),
        json!({"name": "dax.r4.large", "family": "r4", "vcpus": 2, "memory_gib": 15.25, "burstable": false,
               "encryption_at_rest": true, "offered": "yes", "hourly_price_usd": null})
    );
    assert_eq!(by_name("dax.t3.small")["burstable"], true);
    assert_eq!(by_name("dax.r3.large")["encryption_at_rest"], false);
    let names = strings(&all["items"], "name").len();
    assert_eq!(names_by_page(&api, "node_types").await.len(), names);
    let stockholm = AwsAccount {
        region: "eu-north-1".to_owned(),
        ..env.account.clone()
    };
    api.account.send_replace(Some(stockholm));
    let page = api.get("/v1/node_types?limit=100").await.body;
    let offered = |name: &str| {
        let mut items = page["items"].as_array().unwrap().iter();
        items.find(|item| item["name"] == name).unwrap()["offered"].clone()
    };
    assert_eq!(
        (offered("dax.r4.large"), offered("dax.r5.large")),
        (json!("no"), json!("yes"))
    );
}
