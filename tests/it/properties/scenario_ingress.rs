//! The scenarios in which a port of a cluster is opened or closed: only builds with lookups do that.

use dax_provisioner::domain::ingress::{IngressSpec, Peer, TLS_PORT};
use dax_provisioner::domain::operation::{Operation, Status};
use dax_provisioner::domain::spec::Spec;
use uuid::Uuid;

use crate::properties::scenario_actions::accept;
use crate::properties::scenarios::Doing;
use crate::support::test_env::TestEnv;

/// The port of a cluster of ours is open to a network.
pub fn opened(world: &TestEnv) -> Doing<'_, ()> {
    Box::pin(async move {
        let open = open_ingress(world).await;
        let done = world.finish(&world.worker("before"), open).await;
        assert_eq!(done.status, Status::Succeeded, "{:#?}", done.fault);
        tokio::time::sleep(world.settings.timing.absence).await;
    })
}

/// Opens the port of the cluster to a network, or closes it.
fn ingress(world: &TestEnv, open: bool) -> Doing<'_, Uuid> {
    let peer = Peer::cidr("10.0.0.0/16");
    let spec = IngressSpec {
        open,
        security_group_id: None,
        port: TLS_PORT,
        peer,
    };
    Box::pin(accept(world, "orders", Spec::ChangeIngress(spec)))
}

pub fn open_ingress(world: &TestEnv) -> Doing<'_, Uuid> {
    ingress(world, true)
}

pub fn close_ingress(world: &TestEnv) -> Doing<'_, Uuid> {
    ingress(world, false)
}

fn is_open(world: &TestEnv) -> bool {
    let groups = world.sandbox.inventory().security_groups;
    groups.iter().any(|group| {
        group
            .ingress
            .iter()
            .any(|rule| rule == "tcp 9111-9111 from 10.0.0.0/16")
    })
}

pub fn is_opened<'a>(world: &'a TestEnv, _: &'a Operation) -> Doing<'a, ()> {
    Box::pin(async move { assert!(is_open(world)) })
}

pub fn is_closed<'a>(world: &'a TestEnv, _: &'a Operation) -> Doing<'a, ()> {
    Box::pin(async move { assert!(!is_open(world)) })
}
