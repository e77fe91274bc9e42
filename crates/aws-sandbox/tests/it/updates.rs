//! What UpdateCluster shows while it is applied, with the Rust SDK.

use aws_sandbox::NewSecurityGroup;

use crate::test_env::{TestEnv, code};

#[tokio::test]
async fn a_change_of_security_groups_shows_both_until_it_ends() {
    let env = TestEnv::new().await;
    env.cluster("c1", 1).await;
    let new = "sg-0000000b";
    let group = NewSecurityGroup {
        vpc_id: env.sandbox.inventory().subnets[0].vpc_id.clone(),
        name: "new".to_owned(),
    };
    env.sandbox.put_security_group(new, &group).unwrap();
    let statuses = async || {
        let cluster = env.describe("c1").await;
        let groups = cluster.security_groups().iter();
        let mut statuses: Vec<String> = groups
            .map(|group| group.status().unwrap().to_owned())
            .collect();
        statuses.sort_unstable();
        (cluster.status().unwrap().to_owned(), statuses)
    };
    let update = || {
        env.dax()
            .update_cluster()
            .cluster_name("c1")
            .security_group_ids(new)
    };
    update().send().await.unwrap();
    let both = vec!["adding".to_owned(), "removing".to_owned()];
    assert_eq!(statuses().await, ("modifying".to_owned(), both));
    assert_eq!(code(update().send().await), "InvalidClusterStateFault");
    env.advance(20);
    assert_eq!(
        statuses().await,
        ("available".to_owned(), vec!["active".to_owned()])
    );
}

#[tokio::test]
async fn a_description_and_an_empty_update_change_nothing_else() {
    let env = TestEnv::new().await;
    env.cluster("c1", 1).await;
    for description in [None, Some("new".to_owned())] {
        let update = env.dax().update_cluster().cluster_name("c1");
        let updated = update.set_description(description).send().await.unwrap();
        assert_eq!(updated.cluster().unwrap().status(), Some("available"));
    }
}
