//! Plans: the permissions of a plan are exactly those that the work takes, and its calls are those that are made.

use std::collections::{BTreeMap, BTreeSet};

use dax_provisioner::domain::iam::policies::{Access, PolicyDocument, Tables, trust_policy};
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::operation::{Kind, Status};
use dax_provisioner::domain::plan::{Permission, Plan};
use dax_provisioner::domain::spec::{ClusterSpec, ParameterGroup, ServiceRole, SubnetGroup};
use dax_provisioner::domain::waiting::WaitingFor;
use dax_provisioner::inspections::Inspector;
use dax_provisioner::inspections::plan::PlanContext;
use dax_provisioner::operations::plan;
use serde_json::{Value, json};

use crate::support::api::cluster_request;
use crate::support::requests::{full_spec, plain_spec, spec_with_groups};
use crate::support::test_env::TestEnv;

async fn drawn(world: &TestEnv, spec: &ClusterSpec) -> Plan {
    let permissions_boundary = world.settings.permissions_boundary.as_deref();
    let ground = PlanContext {
        account: &world.account,
        permissions_boundary,
    };
    Inspector::new(world.admin.clone())
        .plan(spec, ground)
        .await
        .unwrap()
}

async fn make_role(world: &TestEnv, name: &str) -> String {
    let made = Mutation::CreateRole {
        name: name.to_owned(),
        path: "/service-role/".to_owned(),
        trust_policy: trust_policy().to_json(),
        permissions_boundary: None,
        description: String::new(),
        tags: BTreeMap::new(),
    };
    world
        .admin
        .send(&made, &world.account)
        .await
        .unwrap()
        .arn
        .unwrap()
}

/// Ways to ask for a cluster that take different calls.
#[derive(Debug, Clone, Copy)]
pub enum Wish {
    /// Role, policy and both groups are made.
    Everything,
    /// A role with as many tables as need two policies; the default groups.
    ManyTables,
    /// A role that was named, and a parameter group that was.
    GivenRole,
    /// The account's one role, as the console finds it.
    FoundRole,
    /// No role is found, and the operator has set a default.
    DefaultAccess,
    /// A subnet group of whatever a VPC has.
    #[cfg(feature = "lookups")]
    OfVpc,
}

/// The ways that every build offers.
const WISHES: [Wish; 5] = [
    Wish::Everything,
    Wish::ManyTables,
    Wish::GivenRole,
    Wish::FoundRole,
    Wish::DefaultAccess,
];

impl Wish {
    async fn spec(self, world: &TestEnv) -> ClusterSpec {
        match self {
            Self::Everything => spec_with_groups(world, "orders"),
            Self::ManyTables => {
                let tables = (0..70)
                    .map(|number| format!("a-table-with-a-long-name-{number}"))
                    .collect();
                let service_role = ServiceRole::New {
                    access: Access::ReadWrite,
                    tables: Tables::Named(tables),
                };
                ClusterSpec {
                    service_role,
                    ..plain_spec("orders")
                }
            }
            Self::GivenRole => {
                let group = Mutation::CreateParameterGroup {
                    name: "theirs".to_owned(),
                    description: "by hand".to_owned(),
                };
                world.admin.send(&group, &world.account).await.unwrap();
                let arn = make_role(world, "DAXServiceRole").await;
                let parameter_group = ParameterGroup::Existing {
                    name: "theirs".to_owned(),
                };
                ClusterSpec {
                    service_role: ServiceRole::Existing { arn },
                    parameter_group,
                    ..plain_spec("orders")
                }
            }
            Self::FoundRole => {
                make_role(world, "DAXServiceRole").await;
                ClusterSpec {
                    service_role: ServiceRole::Discover {
                        default_access: None,
                    },
                    ..plain_spec("orders")
                }
            }
            Self::DefaultAccess => {
                let service_role = ServiceRole::Discover {
                    default_access: Some(Access::ReadOnly),
                };
                ClusterSpec {
                    service_role,
                    ..plain_spec("orders")
                }
            }
            #[cfg(feature = "lookups")]
            Self::OfVpc => {
                let vpc_id = world.sandbox.inventory().subnets[0].vpc_id.clone();
                ClusterSpec {
                    subnet_group: SubnetGroup::OfVpc { vpc_id },
                    ..plain_spec("orders")
                }
            }
        }
    }
}

fn policy_of<'a>(permissions: impl IntoIterator<Item = &'a Permission>) -> PolicyDocument {
    PolicyDocument::merged(permissions.into_iter().map(Permission::statement))
}

/// The law: who holds exactly a plan's policy sees the work through; who lacks any one of it is stopped. Tells how many
/// permissions there were.
pub async fn permissions_are_enough_and_needed(wish: Wish) -> usize {
    let world = TestEnv::new().await;
    let spec = wish.spec(&world).await;
    let plan = drawn(&world, &spec).await;
    world.put_policies(&[plan.policy()]);
    let create = world.create(&spec).await;
    let done = world.settle(&world.worker("w"), create).await;
    assert_eq!(
        done.status,
        Status::Succeeded,
        "{wish:?}: {:#?}",
        done.fault
    );
    for missing in 0..plan.permissions.len() {
        let world = TestEnv::new().await;
        let spec = wish.spec(&world).await;
        let permissions = drawn(&world, &spec).await.permissions;
        let lacking = &permissions[missing];
        let others = permissions
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != missing)
            .map(|(_, one)| one);
        world.put_policies(&[policy_of(others)]);
        let worker = world.worker("w");
        let create = world.create(&spec).await;
        let stopped = world.settle(&worker, create).await;
        let what = format!(
            "{wish:?} without {} on {}",
            lacking.action, lacking.resource
        );
        assert_eq!(stopped.status, Status::Blocked, "{what}");
        assert_eq!(stopped.waiting_for, Some(WaitingFor::Permission), "{what}");
        let message = stopped.fault.unwrap().aws.unwrap().message;
        assert!(
            message.contains(&format!("is not authorized to perform: {}", lacking.action)),
            "{what}: {message}"
        );
        world.put_policies(&[policy_of(&permissions)]);
        assert_eq!(
            world.finish(&worker, create).await.status,
            Status::Succeeded,
            "{what}"
        );
    }
    plan.permissions.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_s_permissions_are_enough_and_each_of_them_is_needed() {
    let mut needed = 0;
    for wish in WISHES {
        needed += permissions_are_enough_and_needed(wish).await;
    }
    println!(
        "plans: {} policies are enough, each of their {needed} permissions is needed",
        WISHES.len()
    );
    assert!(needed >= 60, "{needed}");
}

/// The law: the steps and calls of a plan are those of the operation.
pub async fn steps_and_calls_are_told(wish: Wish) {
    let world = TestEnv::new().await;
    let spec = wish.spec(&world).await;
    let drawn = drawn(&world, &spec).await;
    let names: Vec<&str> = drawn.steps.iter().map(|step| step.name).collect();
    assert_eq!(names, plan(Kind::CreateCluster).step_names());
    world.put_policies(&[serde_json::from_value(json!({"Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}))
    .unwrap()]);
    let create = world.create(&spec).await;
    assert_eq!(
        world.settle(&world.worker("w"), create).await.status,
        Status::Succeeded,
        "{wish:?}"
    );
    let planned: BTreeSet<&str> = drawn
        .steps
        .iter()
        .flat_map(|step| step.calls.iter().copied())
        .collect();
    let calls = world.service_calls();
    let sent: BTreeSet<&str> = calls.iter().map(|call| call.operation.as_ref()).collect();
    assert_eq!(sent, planned, "{wish:?}");
    let operation = world.operation(create).await;
    for (step, record) in drawn.steps.iter().zip(&operation.steps) {
        let skipped = record.status.as_str() == "skipped";
        assert!(
            !skipped || step.calls.is_empty() || step.name == "find_service_role",
            "{wish:?} {}",
            step.name
        );
    }
}

#[tokio::test]
async fn a_plan_names_the_steps_and_the_calls_of_the_operation() {
    for wish in WISHES {
        steps_and_calls_are_told(wish).await;
    }
}

#[tokio::test]
async fn a_plan_is_told_over_http_and_makes_nothing() {
    let world = TestEnv::new().await;
    let door = world.api();
    let subnets: Vec<Value> = world
        .sandbox
        .inventory()
        .subnets
        .iter()
        .map(|subnet| json!(subnet.id))
        .collect();
    let mut body = cluster_request("Orders");
    body["replication_factor"] = json!(2);
    body["subnet_group"] = json!({"subnet_ids": subnets});
    body["parameters"] = json!({"record_ttl_millis": 1000});
    let answer = door.post("/v1/plans", &body, &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let plan = &answer.body;
    let role = "arn:aws:iam::123456789012:role/dax-provisioner/dax-orders-??????????";
    assert_eq!(
        plan["resources"][0],
        json!({"kind": "role", "name": "dax-orders-??????????", "arn": role, "owner": "managed"})
    );
    assert_eq!(
        plan["steps"][1],
        json!({"name": "create_service_role", "calls": ["iam:GetRole", "iam:CreateRole"]})
    );
    assert_eq!(
        plan["trust_policy"]["Statement"][0]["Principal"]["Service"],
        "dax.amazonaws.com"
    );
    assert_eq!(
        plan["policies"][0]["document"]["Statement"][0]["Sid"],
        "DaxReadWriteTables"
    );
    let create = plan["permissions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["action"] == "iam:CreateRole")
        .unwrap();
    assert_eq!(create["resource"], role);
    let boundary = world.settings.permissions_boundary.as_deref().unwrap();
    assert_eq!(
        create["conditions"]["StringEquals"]["iam:PermissionsBoundary"],
        boundary
    );
    let codes: Vec<&str> = plan["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["code"].as_str().unwrap())
        .collect();
    assert_eq!(
        codes,
        [
            "two_nodes",
            "node_type_burstable",
            "name_becomes_public",
            "certificate_quota"
        ]
    );
    assert!(plan["estimated_seconds"].as_i64().unwrap() > 0);
    assert_eq!(world.created_in_aws(), Vec::<String>::new());
    assert!(
        world.service_calls().is_empty(),
        "a plan with all in it asks AWS for nothing"
    );
    door.post("/v1/plans", &json!({"name": "1"}), &[])
        .await
        .rejected(422, "invalid_request");
}

#[tokio::test]
async fn what_a_plan_cannot_know_or_should_not_hide_is_a_warning() {
    let world = TestEnv::new().await;
    let codes = async |spec: ClusterSpec| -> Vec<&'static str> {
        drawn(&world, &spec)
            .await
            .warnings
            .into_iter()
            .map(|warning| warning.code)
            .collect()
    };
    let found = ClusterSpec {
        service_role: ServiceRole::Discover {
            default_access: None,
        },
        ..plain_spec("orders")
    };
    assert!(
        codes(found.clone())
            .await
            .contains(&"service_role_unspecified")
    );
    make_role(&world, "One").await;
    assert!(
        !codes(found.clone())
            .await
            .contains(&"service_role_unspecified")
    );
    make_role(&world, "Two").await;
    assert!(codes(found).await.contains(&"service_role_unspecified"));
    let spec = ClusterSpec {
        node_type: "dax.r6g.large".to_owned(),
        replication_factor: 3,
        encryption_in_transit: false,
        subnet_group: SubnetGroup::Default,
        ..full_spec("orders")
    };
    assert_eq!(
        codes(spec).await,
        ["node_type_unknown", "not_encrypted_in_transit"]
    );
    let all = ServiceRole::New {
        access: Access::ReadOnly,
        tables: Tables::All,
    };
    let bare = ClusterSpec {
        service_role: all,
        replication_factor: 3,
        node_type: "dax.r5.large".to_owned(),
        ..plain_spec("o")
    };
    let ground = PlanContext {
        account: &world.account,
        permissions_boundary: None,
    };
    let plan = Inspector::new(world.admin.clone())
        .plan(&bare, ground)
        .await
        .unwrap();
    let codes: Vec<&str> = plan.warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(
        codes,
        [
            "name_becomes_public",
            "certificate_quota",
            "all_tables",
            "no_permissions_boundary"
        ]
    );
}
