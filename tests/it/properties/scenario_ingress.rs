//! Scenarios that open or close a port of a cluster, for builds with lookups.

use dax_provisioner::domain::ingress::{IngressSpec, Peer, TLS_PORT};
use dax_provisioner::domain::operation::{Operation, Status};
use dax_provisioner::domain::spec::Spec;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::properties::scenario_actions::accept;
use crate::support::test_env::TestEnv;

/// The port of the managed cluster is open to a network.
pub fn opened(env: &TestEnv) -> BoxFuture<'_, ()> {
    Box::pin(async move {
        let open = open_ingress(env).await;
        let done = env.finish(&env.worker("before"), open).await;
        assert_eq!(done.status, Status::Succeeded, "{:#?}", done.fault);
        tokio::time::sleep(env.settings.timing.absence).await;
    })
}

fn ingress(env: &TestEnv, open: bool) -> BoxFuture<'_, Uuid> {
    let peer = Peer::cidr("10.0.0.0/16");
    let spec = IngressSpec {
        open,
        security_group_id: None,
        port: TLS_PORT,
        peer,
    };
    Box::pin(accept(env, "orders", Spec::ChangeIngress(spec)))
}

pub fn open_ingress(env: &TestEnv) -> BoxFuture<'_, Uuid> {
    ingress(env, true)
}

pub fn close_ingress(env: &TestEnv) -> BoxFuture<'_, Uuid> {
    ingress(env, false)
}

fn is_open(env: &TestEnv) -> bool {
    let groups = env.sandbox.inventory().security_groups;
    groups.iter().any(|group| {
        group
            .ingress
            .iter()
            .any(|rule| rule == "tcp 9111-9111 from 10.0.0.0/16")
    })
}

pub fn is_opened<'a>(env: &'a TestEnv, _: &'a Operation) -> BoxFuture<'a, ()> {
    Box::pin(async move { assert!(is_open(env)) })
}

pub fn is_closed<'a>(env: &'a TestEnv, _: &'a Operation) -> BoxFuture<'a, ()> {
    Box::pin(async move { assert!(!is_open(env)) })
}
