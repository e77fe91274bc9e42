//! Plans: the permissions and calls of a plan are exactly those of the operation.

use std::collections::{BTreeMap, BTreeSet};

use dax_provisioner::domain::iam::policies::{Access, PolicyDocument, Tables, trust_policy};
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::operation::{Kind, Status};
use dax_provisioner::domain::plan::{Permission, Plan};
use dax_provisioner::domain::spec::{ClusterSpec, ParameterGroup, ServiceRole, SubnetGroup};
#[cfg(feature = "lookups")]
use dax_provisioner::domain::validation::typed::VpcId;
use dax_provisioner::domain::validation::typed::{NodeType, RoleArn};
use dax_provisioner::domain::waiting::WaitingFor;
use dax_provisioner::inspections::Inspector;
use dax_provisioner::inspections::plan::PlanContext;
use dax_provisioner::operations::plan;
use serde_json::{Value, json};

use crate::support::api::{cluster_request, strings};
use crate::support::requests::{full_spec, plain_spec, spec_with_groups};
use crate::support::test_env::TestEnv;

async fn plan_of(env: &TestEnv, spec: &ClusterSpec) -> Plan {
    let permissions_boundary = env.settings.permissions_boundary.as_deref();
    let context = PlanContext {
        account: &env.account,
        permissions_boundary,
    };
    Inspector::new(env.admin.clone())
        .plan(spec, context)
        .await
        .unwrap()
}

async fn create_role(env: &TestEnv, name: &str) -> String {
    let role = Mutation::CreateRole {
        name: name.to_owned(),
        path: "/service-role/".to_owned(),
        trust_policy: trust_policy().to_json(),
        permissions_boundary: None,
        description: String::new(),
        tags: BTreeMap::new(),
    };
    env.admin
        .send(&role, &env.account)
        .await
        .unwrap()
        .arn
        .unwrap()
}

/// Requests that need different calls.
#[derive(Debug, Clone, Copy)]
pub enum Request {
    /// New role, policy and groups.
    Everything,
    /// A new role whose tables need two policies.
    ManyTables,
    /// An existing role, and an existing parameter group.
    ExistingRole,
    /// The only role of the account that trusts DAX.
    DiscoveredRole,
    /// No role is discovered; the service has a default access.
    DefaultAccess,
    /// A new subnet group of the subnets of a VPC.
    #[cfg(feature = "lookups")]
    OfVpc,
}

/// The requests that every build accepts.
const REQUESTS: [Request; 5] = [
    Request::Everything,
    Request::ManyTables,
    Request::ExistingRole,
    Request::DiscoveredRole,
    Request::DefaultAccess,
];

impl Request {
    async fn spec(self, env: &TestEnv) -> ClusterSpec {
        let plain = plain_spec("orders");
        match self {
            Self::Everything => spec_with_groups(env, "orders"),
            Self::ManyTables => {
                let tables = (0..70).map(|number| format!("a-table-with-a-long-name-{number}"));
                ClusterSpec {
                    service_role: ServiceRole::New {
                        access: Access::ReadWrite,
                        tables: Tables::Named(tables.collect()),
                    },
                    ..plain
                }
            }
            Self::ExistingRole => {
                let group = Mutation::CreateParameterGroup {
                    name: "existing".to_owned(),
                    description: "created by hand".to_owned(),
                };
                env.admin.send(&group, &env.account).await.unwrap();
                let arn = create_role(env, "DAXServiceRole").await;
                ClusterSpec {
                    service_role: ServiceRole::Existing {
                        arn: RoleArn::from_aws(arn),
                    },
                    parameter_group: ParameterGroup::Existing {
                        name: "existing".to_owned(),
                    },
                    ..plain
                }
            }
            Self::DiscoveredRole => {
                create_role(env, "DAXServiceRole").await;
                ClusterSpec {
                    service_role: ServiceRole::Discover {
                        default_access: None,
                    },
                    ..plain
                }
            }
            Self::DefaultAccess => ClusterSpec {
                service_role: ServiceRole::Discover {
                    default_access: Some(Access::ReadOnly),
                },
                ..plain
            },
            #[cfg(feature = "lookups")]
            Self::OfVpc => {
                let vpc_id = VpcId::from_aws(&env.sandbox.inventory().subnets[0].vpc_id);
                ClusterSpec {
                    subnet_group: SubnetGroup::OfVpc { vpc_id },
                    ..plain
                }
            }
        }
    }
}

fn policy_of(permissions: &[Permission]) -> PolicyDocument {
    PolicyDocument::merged(permissions.iter().map(Permission::statement))
}

/// Checks that a create needs every permission of its plan and no other: it starts without any, and
/// blocks until each one is granted. Returns the number of permissions.
pub async fn permissions_are_sufficient_and_necessary(request: Request) -> usize {
    let env = TestEnv::new().await;
    let spec = request.spec(&env).await;
    let mut missing = plan_of(&env, &spec).await.permissions;
    let (count, mut granted) = (missing.len(), Vec::new());
    env.put_policies(&[]);
    let worker = env.worker("w");
    let create = env.create(&spec).await;
    loop {
        let operation = env.settle(&worker, create).await;
        if operation.status == Status::Succeeded {
            break;
        }
        let blocked = (operation.status, operation.waiting_for);
        let by_permission = (Status::Blocked, Some(WaitingFor::Permission));
        assert_eq!(blocked, by_permission, "{request:?}: {operation:#?}");
        let message = operation.fault.unwrap().aws.unwrap().message;
        let mut resolved = false;
        // An action can have a permission for each of several resources.
        let is_denied = |one: &Permission| message.contains(&format!("perform: {} ", one.action));
        let denied = (0..missing.len()).filter(|at| is_denied(&missing[*at]));
        for at in denied.collect::<Vec<_>>() {
            let all = [granted.as_slice(), &missing[at..=at]].concat();
            env.put_policies(&[policy_of(&all)]);
            env.one_turn(&worker).await;
            let fault = env.operation(create).await.fault;
            resolved = fault
                .and_then(|fault| fault.aws)
                .is_none_or(|aws| aws.message != message);
            if resolved {
                granted.push(missing.remove(at));
                break;
            }
        }
        assert!(
            resolved,
            "{request:?}: no permission of the plan helps: {message}"
        );
    }
    assert!(missing.is_empty(), "{request:?}: not needed: {missing:?}");
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_permissions_of_a_plan_are_sufficient_and_each_is_necessary() {
    let mut count = 0;
    for request in REQUESTS {
        count += permissions_are_sufficient_and_necessary(request).await;
    }
    assert!(count >= 60, "{count}");
}

/// Checks that the steps and calls of a plan are those of the operation.
pub async fn steps_and_calls_are_planned(request: Request) {
    let env = TestEnv::new().await;
    let spec = request.spec(&env).await;
    let expected = plan_of(&env, &spec).await;
    let names: Vec<&str> = expected.steps.iter().map(|step| step.name).collect();
    assert_eq!(names, plan(Kind::CreateCluster).step_names());
    let allow_all = json!({"Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    env.put_policies(&[serde_json::from_value(allow_all).unwrap()]);
    let create = env.create(&spec).await;
    let done = env.settle(&env.worker("w"), create).await;
    assert_eq!(done.status, Status::Succeeded, "{request:?}");
    let planned: BTreeSet<&str> = expected
        .steps
        .iter()
        .flat_map(|step| step.calls.iter().copied())
        .collect();
    let calls = env.service_calls();
    let sent: BTreeSet<&str> = calls.iter().map(|call| call.operation.as_ref()).collect();
    assert_eq!(sent, planned, "{request:?}");
    for (step, record) in expected.steps.iter().zip(&done.steps) {
        let skipped = record.status.as_str() == "skipped";
        assert!(
            !skipped || step.calls.is_empty() || step.name == "find_service_role",
            "{request:?} {}",
            step.name
        );
    }
}

#[tokio::test]
async fn a_plan_contains_the_steps_and_calls_of_the_operation() {
    for request in REQUESTS {
        steps_and_calls_are_planned(request).await;
    }
}

/// A request with everything new and explicit, so its plan needs nothing from AWS.
fn explicit_request(env: &TestEnv) -> Value {
    let subnets = env.sandbox.inventory().subnets;
    let ids: Vec<&str> = subnets.iter().map(|subnet| subnet.id.as_str()).collect();
    let mut body = cluster_request("Orders");
    body["replication_factor"] = json!(2);
    body["subnet_group"] = json!({"subnet_ids": ids});
    body["parameters"] = json!({"record_ttl_millis": 1000});
    body
}

#[tokio::test]
async fn a_plan_lists_resources_steps_policies_permissions_and_warnings() {
    let env = TestEnv::new().await;
    let response = env
        .api()
        .post("/v1/plans", &explicit_request(&env), &[])
        .await;
    assert_eq!(response.status, 200, "{response:?}");
    let plan = &response.body;
    let role = "arn:aws:iam::123456789012:role/dax-provisioner/dax-orders-??????????";
    assert_eq!(
        plan["resources"][0],
        json!({"kind": "role", "name": "dax-orders-??????????", "arn": role, "owner": "managed",
               "effect": "create"})
    );
    assert_eq!(
        plan["steps"][1],
        json!({"name": "create_service_role", "calls": ["iam:GetRole", "iam:CreateRole"]})
    );
    let trust = &plan["trust_policy"]["Statement"][0];
    assert_eq!(trust["Principal"]["Service"], "dax.amazonaws.com");
    let access = &plan["policies"][0]["document"]["Statement"][0];
    assert_eq!(access["Sid"], "DaxReadWriteTables");
    let mut permissions = plan["permissions"].as_array().unwrap().iter();
    let create_role = permissions
        .find(|permission| permission["action"] == "iam:CreateRole")
        .unwrap();
    assert_eq!(create_role["resource"], role);
    let boundary = env.settings.permissions_boundary.as_deref().unwrap();
    let condition = &create_role["conditions"]["StringEquals"];
    assert_eq!(condition["iam:PermissionsBoundary"], boundary);
    let codes = [
        "two_nodes",
        "node_type_burstable",
        "name_becomes_public",
        "certificate_quota",
    ];
    assert_eq!(strings(&plan["warnings"], "code"), codes);
    assert!(plan["estimated_seconds"].as_i64().unwrap() > 0);
}

#[tokio::test]
async fn a_plan_of_an_explicit_request_sends_nothing_to_aws() {
    let env = TestEnv::new().await;
    let api = env.api();
    let planned = api.post("/v1/plans", &explicit_request(&env), &[]).await;
    assert_eq!(planned.status, 200, "{planned:?}");
    api.post("/v1/plans", &json!({"name": "1"}), &[])
        .await
        .rejected(422, "invalid_request");
    assert!(env.service_calls().is_empty());
    assert_eq!(env.created_in_aws(), Vec::<String>::new());
}

fn warnings(plan: &Plan) -> Vec<&'static str> {
    plan.warnings.iter().map(|warning| warning.code).collect()
}

#[tokio::test]
async fn a_service_role_that_cannot_be_discovered_is_a_warning() {
    let env = TestEnv::new().await;
    let spec = ClusterSpec {
        service_role: ServiceRole::Discover {
            default_access: None,
        },
        ..plain_spec("orders")
    };
    let is_unspecified = async || {
        let plan = plan_of(&env, &spec).await;
        warnings(&plan).contains(&"service_role_unspecified")
    };
    assert!(is_unspecified().await);
    create_role(&env, "One").await;
    assert!(!is_unspecified().await);
    create_role(&env, "Two").await;
    assert!(is_unspecified().await);
}

#[tokio::test]
async fn risky_settings_are_warnings() {
    let env = TestEnv::new().await;
    let spec = ClusterSpec {
        node_type: NodeType::parse("dax.r6g.large").unwrap(),
        replication_factor: 3,
        encryption_in_transit: false,
        subnet_group: SubnetGroup::Default,
        ..full_spec("orders")
    };
    assert_eq!(
        warnings(&plan_of(&env, &spec).await),
        ["node_type_unknown", "not_encrypted_in_transit"]
    );
    let spec = ClusterSpec {
        service_role: ServiceRole::New {
            access: Access::ReadOnly,
            tables: Tables::All,
        },
        replication_factor: 3,
        node_type: NodeType::parse("dax.r5.large").unwrap(),
        ..plain_spec("o")
    };
    let without_boundary = PlanContext {
        account: &env.account,
        permissions_boundary: None,
    };
    let plan = Inspector::new(env.admin.clone())
        .plan(&spec, without_boundary)
        .await
        .unwrap();
    let codes = [
        "name_becomes_public",
        "certificate_quota",
        "all_tables",
        "no_permissions_boundary",
    ];
    assert_eq!(warnings(&plan), codes);
}

#[tokio::test]
async fn no_role_of_a_request_or_of_aws_puts_a_wildcard_or_variable_into_a_policy() {
    let env = TestEnv::new().await;
    let discovered = Mutation::CreateRole {
        name: "Discovered".to_owned(),
        path: "/a*b?/".to_owned(),
        trust_policy: trust_policy().to_json(),
        permissions_boundary: None,
        description: String::new(),
        tags: BTreeMap::new(),
    };
    env.admin.send(&discovered, &env.account).await.unwrap();
    let existing = ["????/Admin", "a*/Admin", "${aws:PrincipalTag/x}/Admin"].map(|name| {
        let arn = RoleArn::from_aws(format!("arn:aws:iam::123456789012:role/{name}"));
        ServiceRole::Existing { arn }
    });
    let discover = ServiceRole::Discover {
        default_access: None,
    };
    for service_role in existing.into_iter().chain([discover]) {
        let spec = ClusterSpec {
            service_role,
            ..plain_spec("orders")
        };
        let plan = plan_of(&env, &spec).await;
        let named: Vec<&Permission> = plan
            .permissions
            .iter()
            .filter(|one| ["iam:PassRole", "iam:GetRole"].contains(&one.action.as_str()))
            .collect();
        assert_eq!(named, Vec::<&Permission>::new(), "{:?}", spec.service_role);
    }
}
