//! Scenarios: a short one for everything that an operation can do to a cluster. The properties
//! hold for each of them.

use dax_provisioner::aws::LOOKUPS_BUILT_IN;
use dax_provisioner::domain::operation::{Kind, Operation};
use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::properties::scenario_actions as begin;
use crate::properties::scenario_checks as check;
#[cfg(feature = "lookups")]
use crate::properties::scenario_ingress as ingress;
use crate::properties::scenario_setup as setup;
use crate::support::test_env::TestEnv;

/// Prepares an environment.
pub type Setup = for<'a> fn(&'a TestEnv) -> BoxFuture<'a, ()>;

pub struct Scenario {
    pub name: &'static str,
    pub kind: Kind,
    pub origin: Origin,
    pub cluster: &'static str,
    /// What happens between the origin and the operation.
    pub prepare: Setup,
    /// Accepts the operation.
    pub begin: for<'a> fn(&'a TestEnv) -> BoxFuture<'a, Uuid>,
    /// Checks what holds when this operation has succeeded.
    pub check: for<'a> fn(&'a TestEnv, &'a Operation) -> BoxFuture<'a, ()>,
}

/// The account that a scenario starts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Never used for DAX, so the service-linked role does not exist.
    NewAccount,
    /// With unmanaged resources, some of them with names like managed ones.
    UsedAccount,
    /// The used account with the managed cluster `orders`.
    WithCluster,
}

/// Only builds with lookups open and close ports.
pub const COUNT: usize = if LOOKUPS_BUILT_IN { 21 } else { 18 };

/// The only scenario that creates the service-linked role. It is not part of the table, because it
/// is `create` otherwise.
pub static FIRST_CREATE: Scenario = Scenario {
    name: "first_create",
    kind: Kind::CreateCluster,
    origin: Origin::NewAccount,
    cluster: "orders",
    prepare: setup::nothing,
    begin: begin::create,
    check: check::created,
};

pub static SCENARIOS: [Scenario; COUNT] = [
    Scenario {
        name: "create",
        kind: Kind::CreateCluster,
        origin: Origin::UsedAccount,
        cluster: "orders",
        prepare: setup::nothing,
        begin: begin::create,
        check: check::created,
    },
    Scenario {
        name: "create_with_existing",
        kind: Kind::CreateCluster,
        origin: Origin::UsedAccount,
        cluster: "orders",
        prepare: setup::granted,
        begin: begin::create_with_existing,
        check: check::uses_existing,
    },
    Scenario {
        name: "delete",
        kind: Kind::DeleteCluster,
        origin: Origin::WithCluster,
        cluster: "orders",
        prepare: setup::nothing,
        begin: begin::delete,
        check: check::nothing_left,
    },
    Scenario {
        name: "delete_adopted",
        kind: Kind::DeleteCluster,
        origin: Origin::UsedAccount,
        cluster: "legacy",
        prepare: setup::adopted,
        begin: begin::delete_legacy,
        check: check::nothing_left,
    },
    Scenario {
        name: "update_settings",
        kind: Kind::UpdateCluster,
        origin: Origin::WithCluster,
        cluster: "orders",
        prepare: setup::nothing,
        begin: begin::settings,
        check: check::settings,
    },
    Scenario {
        name: "update_values",
        kind: Kind::UpdateCluster,
        origin: Origin::WithCluster,
        cluster: "orders",
        prepare: setup::nothing,
        begin: begin::values,
        check: check::values,
    },
    Scenario {
        name: "update_to_default",
        kind: Kind::UpdateCluster,
        origin: Origin::WithCluster,
        cluster: "orders",
        prepare: setup::nothing,
        begin: begin::to_default,
        check: check::has_default_group,
    },
    Scenario {
        name: "update_to_existing_group",
        kind: Kind::UpdateCluster,
        origin: Origin::WithCluster,
        cluster: "orders",
        prepare: setup::nothing,
        begin: begin::to_existing_group,
        check: check::has_existing_group,
    },
    Scenario {
        name: "update_from_existing_group",
        kind: Kind::UpdateCluster,
        origin: Origin::UsedAccount,
        cluster: "legacy",
        prepare: setup::adopted,
        begin: begin::from_existing_group,
        check: check::has_new_group,
    },
    Scenario {
        name: "update_tables",
        kind: Kind::UpdateCluster,
        origin: Origin::WithCluster,
        cluster: "orders",
        prepare: setup::nothing,
        begin: begin::tables,
        check: check::tables,
    },
    Scenario {
        name: "scale_up",
        kind: Kind::ScaleCluster,
        origin: Origin::WithCluster,
        cluster: "orders",
        prepare: setup::nothing,
        begin: begin::scale_up,
        check: check::three_nodes,
    },
    Scenario {
        name: "scale_down",
        kind: Kind::ScaleCluster,
        origin: Origin::WithCluster,
        cluster: "orders",
        prepare: setup::nothing,
        begin: begin::scale_down,
        check: check::one_node,
    },
    Scenario {
        name: "reboot_all",
        kind: Kind::RebootNodes,
        origin: Origin::WithCluster,
        cluster: "orders",
        prepare: setup::nothing,
        begin: begin::reboot_all,
        check: check::rebooted_all,
    },
    Scenario {
        name: "reboot_named",
        kind: Kind::RebootNodes,
        origin: Origin::WithCluster,
        cluster: "orders",
        prepare: setup::nothing,
        begin: begin::reboot_named,
        check: check::rebooted_one,
    },
    Scenario {
        name: "repair",
        kind: Kind::RepairCluster,
        origin: Origin::WithCluster,
        cluster: "orders",
        prepare: setup::drift,
        begin: begin::repair,
        check: check::repaired,
    },
    Scenario {
        name: "adopt",
        kind: Kind::AdoptCluster,
        origin: Origin::UsedAccount,
        cluster: "legacy",
        prepare: setup::legacy,
        begin: begin::adopt,
        check: check::adopted,
    },
    Scenario {
        name: "release",
        kind: Kind::ReleaseCluster,
        origin: Origin::WithCluster,
        cluster: "orders",
        prepare: setup::nothing,
        begin: begin::release,
        check: check::released,
    },
    Scenario {
        name: "release_adopted",
        kind: Kind::ReleaseCluster,
        origin: Origin::UsedAccount,
        cluster: "legacy",
        prepare: setup::adopted,
        begin: begin::release,
        check: check::released,
    },
    #[cfg(feature = "lookups")]
    Scenario {
        name: "open_ingress",
        kind: Kind::ChangeIngress,
        origin: Origin::WithCluster,
        cluster: "orders",
        prepare: setup::nothing,
        begin: ingress::open_ingress,
        check: ingress::is_opened,
    },
    #[cfg(feature = "lookups")]
    Scenario {
        name: "close_ingress",
        kind: Kind::ChangeIngress,
        origin: Origin::WithCluster,
        cluster: "orders",
        prepare: ingress::opened,
        begin: ingress::close_ingress,
        check: ingress::is_closed,
    },
    #[cfg(feature = "lookups")]
    Scenario {
        name: "delete_with_open_port",
        kind: Kind::DeleteCluster,
        origin: Origin::WithCluster,
        cluster: "orders",
        prepare: ingress::opened,
        begin: begin::delete,
        check: check::nothing_left,
    },
];
