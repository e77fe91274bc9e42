//! Every list reads few rows, however many there are.

use chrono::{DateTime, Utc};
use dax_provisioner::domain::operation::{Attention, ClusterStatus, Kind, Status};
use dax_provisioner::domain::project::{ProjectName, Scope};
use dax_provisioner::domain::target::TargetName;
use dax_provisioner::store::{ClusterFilter, OperationFilter};
use uuid::Uuid;

use crate::support::requests::plain_spec;
use crate::support::test_env::TestEnv;

/// Number of clusters, each with one operation.
const ROWS: i64 = 100_000;
/// Most rows that the query of a page of 20 may read.
const ROWS_READ_MAX: i64 = 10_000;

/// Copies the only cluster and its operation. Every thousandth cluster is failed, and every
/// ten-thousandth has a tag, a project and a target of its own.
async fn copy_rows(env: &TestEnv) {
    let statements = [
        "create temporary table copies as
         select n, gen_random_uuid() as cluster, gen_random_uuid() as operation,
                now() - n * interval '1 second' as at
         from generate_series(1, $1) as n",
        "insert into clusters
         select r.* from copies, (select c from clusters c) as one (c),
           lateral jsonb_populate_record(one.c, jsonb_build_object(
             'id', cluster, 'name', 'c' || n, 'operation_id', operation, 'created_at', at,
             'project', case when n % 10000 = 0 then 'rare' else 'p' || n % 50 end,
             'target', case when n % 10000 = 7 then 'rare' else 'default' end,
             'status', case when n % 1000 = 0 then 'failed' else 'available' end,
             'attention', case when n % 1000 = 0 then 'failed' end,
             'expiry_stage', case when n % 1000 = 1 then 1 else 0 end,
             'desired', jsonb_set((one.c).desired, '{tags}', jsonb_build_object(
               'team', 't' || n % 100, 'rare', case when n % 10000 = 0 then 'yes' else 'no' end)))) as r",
        "insert into operations
         select r.* from copies, (select o from operations o) as one (o),
           lateral jsonb_populate_record(one.o, jsonb_build_object(
             'id', operation, 'cluster_id', cluster, 'cluster_name', 'c' || n, 'created_at', at,
             'project', case when n % 10000 = 0 then 'rare' else 'p' || n % 50 end,
             'target', case when n % 10000 = 7 then 'rare' else 'default' end,
             'finished_at', at, 'wake_at', 'infinity',
             'status', case when n % 1000 = 0 then 'failed' else 'succeeded' end)) as r",
        "analyze clusters",
        "analyze operations",
    ];
    let mut connection = env.pool.acquire().await.unwrap();
    for statement in statements {
        let query = sqlx::query(statement);
        let query = if statement.contains("$1") {
            query.bind(ROWS)
        } else {
            query
        };
        query.execute(&mut *connection).await.unwrap();
    }
}

enum Query {
    Clusters(ClusterFilter),
    Operations(OperationFilter),
}

/// The queries of a target.
fn queries_of_targets() -> Vec<(&'static str, Query)> {
    let target = || Some(TargetName::parse("rare").unwrap());
    let clusters = ClusterFilter {
        target: target(),
        ..ClusterFilter::default()
    };
    let of_project = ClusterFilter {
        project: Some(ProjectName::parse("p7").unwrap()),
        ..clusters.clone()
    };
    let default = ClusterFilter {
        target: Some(TargetName::default()),
        ..ClusterFilter::default()
    };
    let operations = OperationFilter {
        target: target(),
        ..OperationFilter::default()
    };
    vec![
        ("clusters of a rare target", Query::Clusters(clusters)),
        (
            "clusters of a project in a rare target",
            Query::Clusters(of_project),
        ),
        ("clusters of the default target", Query::Clusters(default)),
        ("operations of a rare target", Query::Operations(operations)),
    ]
}

/// The filters together with the scopes of a caller.
fn queries_in_scopes() -> Vec<(&'static str, Query)> {
    let many = || scopes((0..40).map(|number| format!("p{number}")));
    let clusters = || ClusterFilter {
        scopes: many(),
        ..ClusterFilter::default()
    };
    let operations = || OperationFilter {
        scopes: many(),
        ..OperationFilter::default()
    };
    let failed = ClusterFilter {
        statuses: vec![ClusterStatus::Failed],
        ..clusters()
    };
    let attention = ClusterFilter {
        attention: vec![Attention::Failed],
        ..clusters()
    };
    let prefix = ClusterFilter {
        name_prefix: Some("c1234".to_owned()),
        ..clusters()
    };
    let tag = ClusterFilter {
        tags: vec![vec![("team".to_owned(), "t7".to_owned())]],
        ..clusters()
    };
    let of_cluster = OperationFilter {
        cluster: Some("c77777".to_owned()),
        ..operations()
    };
    let failed_operations = OperationFilter {
        status: Some(Status::Failed),
        ..operations()
    };
    let of_project = OperationFilter {
        project: Some(ProjectName::parse("p0").unwrap()),
        status: Some(Status::Failed),
        ..OperationFilter::default()
    };
    vec![
        ("failed in scopes", Query::Clusters(failed)),
        ("attention in scopes", Query::Clusters(attention)),
        ("prefix in scopes", Query::Clusters(prefix)),
        ("tag in scopes", Query::Clusters(tag)),
        (
            "operations of a cluster in scopes",
            Query::Operations(of_cluster),
        ),
        (
            "failed operations in scopes",
            Query::Operations(failed_operations),
        ),
        (
            "failed operations of a project",
            Query::Operations(of_project),
        ),
    ]
}

/// The scopes of these projects.
fn scopes(projects: impl IntoIterator<Item = String>) -> Option<Vec<Scope>> {
    let scope = |name: String| {
        let project = ProjectName::parse(&name).unwrap();
        Scope::of(Some(&project), &TargetName::default())
    };
    Some(projects.into_iter().map(scope).collect())
}

/// The queries of callers who may not read everything.
fn queries_of_projects() -> Vec<(&'static str, Query)> {
    let many = || scopes((0..40).map(|number| format!("p{number}")));
    let clusters = |scopes| {
        Query::Clusters(ClusterFilter {
            scopes,
            ..ClusterFilter::default()
        })
    };
    let operations = |scopes| {
        Query::Operations(OperationFilter {
            scopes,
            ..OperationFilter::default()
        })
    };
    vec![
        (
            "clusters of a rare project",
            clusters(scopes(["rare".to_owned()])),
        ),
        ("clusters of a project", clusters(scopes(["p7".to_owned()]))),
        ("clusters of most projects", clusters(many())),
        (
            "operations of a rare project",
            operations(scopes(["rare".to_owned()])),
        ),
        ("operations of most projects", operations(many())),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table of queries")]
fn queries(now: DateTime<Utc>) -> Vec<(&'static str, Query)> {
    let clusters = ClusterFilter::default;
    let operations = OperationFilter::default;
    let tag = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
    let before = Some((now - chrono::TimeDelta::hours(10), Uuid::nil()));
    let of_clusters = [
        ("all", clusters()),
        (
            "before",
            ClusterFilter {
                before,
                ..clusters()
            },
        ),
        (
            "failed",
            ClusterFilter {
                statuses: vec![ClusterStatus::Failed],
                ..clusters()
            },
        ),
        (
            "available or failed",
            ClusterFilter {
                statuses: vec![ClusterStatus::Available, ClusterStatus::Failed],
                ..clusters()
            },
        ),
        (
            "attention",
            ClusterFilter {
                attention: vec![Attention::Blocked, Attention::Failed],
                ..clusters()
            },
        ),
        (
            "expiring",
            ClusterFilter {
                attention: vec![Attention::Expiring],
                ..clusters()
            },
        ),
        (
            "failed or expiring",
            ClusterFilter {
                attention: vec![Attention::Failed, Attention::Expiring],
                ..clusters()
            },
        ),
        (
            "long prefix",
            ClusterFilter {
                name_prefix: Some("c9999".to_owned()),
                ..clusters()
            },
        ),
        (
            "short prefix",
            ClusterFilter {
                name_prefix: Some("c99".to_owned()),
                ..clusters()
            },
        ),
        (
            "tag",
            ClusterFilter {
                tags: vec![tag("team", "t7")],
                ..clusters()
            },
        ),
        (
            "rare tag",
            ClusterFilter {
                tags: vec![tag("rare", "yes")],
                ..clusters()
            },
        ),
        (
            "tag and attention",
            ClusterFilter {
                tags: vec![tag("team", "t0")],
                attention: vec![Attention::Failed],
                ..clusters()
            },
        ),
    ];
    let of_operations = [
        ("operations", operations()),
        (
            "operations of a cluster",
            OperationFilter {
                cluster: Some("c77777".to_owned()),
                ..operations()
            },
        ),
        (
            "operations of a kind",
            OperationFilter {
                kind: Some(Kind::CreateCluster),
                before,
                ..operations()
            },
        ),
        (
            "operations of a status",
            OperationFilter {
                status: Some(Status::Succeeded),
                ..operations()
            },
        ),
    ];
    let of_clusters = of_clusters.map(|(name, filter)| (name, Query::Clusters(filter)));
    let of_operations = of_operations.map(|(name, filter)| (name, Query::Operations(filter)));
    let all = of_clusters.into_iter().chain(of_operations);
    let all = all.chain(queries_of_projects()).chain(queries_of_targets());
    all.chain(queries_in_scopes()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_list_of_100_000_rows_reads_a_table_sequentially() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    let id = env.create(&plain_spec("orders")).await;
    env.settle(&worker, id).await;
    copy_rows(&env).await;
    for (name, query) in queries(env.store.clock().await.unwrap()) {
        let (scans, rows) = env
            .reads_of(&["clusters", "operations"], async |store| {
                let rows = match query {
                    Query::Clusters(filter) => store.clusters(&filter, 21).await.unwrap().len(),
                    Query::Operations(filter) => store.operations(&filter, 21).await.unwrap().len(),
                };
                assert!(rows > 0);
            })
            .await;
        println!("{name}: {scans} scans, {rows} rows");
        assert_eq!(scans, 0, "{name}");
        assert!(rows <= ROWS_READ_MAX, "{name}: {rows}");
    }
}
