//! Uses a client of progenitor, from the OpenAPI 3.0 document. Usage: progenitor-check BASE_URL

use progenitor::generate_api;

generate_api!(spec = "openapi-3.0.json", interface = Builder);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = std::env::args().nth(1).expect("the URL of the service");
    let client = Client::new(&url);
    let role = types::ServiceRoleRequest::builder()
        .access(types::Access::ReadOnly)
        .tables(vec!["Orders".parse().unwrap()]);
    let request = types::ClusterRequest::builder()
        .name("rust")
        .node_type("dax.t3.small")
        .replication_factor(1)
        .service_role(types::ServiceRoleRequest::try_from(role).unwrap());
    let create = client.create_cluster().prefer("wait=60").body(request);
    let created = create.send().await.unwrap().into_inner();
    assert_eq!(created.status, types::OperationStatus::Succeeded);

    let cluster = client.get_cluster().name("rust").send().await.unwrap();
    let endpoint = cluster.into_inner().endpoint.unwrap();
    assert!(endpoint.url.starts_with("daxs://rust."), "{endpoint:?}");

    // A key of tags is refused by a rule that the generated types do not check.
    let tags = [("aws:reserved".to_owned(), "x".parse().unwrap())];
    let request = types::ClusterRequest::builder()
        .name("rust-2")
        .node_type("dax.t3.small")
        .replication_factor(1)
        .tags(Some(tags.into_iter().collect::<std::collections::HashMap<_, _>>()));
    let refused = client.create_cluster().body(request).send().await.unwrap_err();
    assert_eq!(refused.status().unwrap().as_u16(), 422);

    let delete = client.delete_cluster().name("rust").prefer("wait=60");
    let deleted = delete.send().await.unwrap().into_inner();
    assert_eq!(deleted.status, types::OperationStatus::Succeeded);
}
