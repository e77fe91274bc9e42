//! Actions: what policies decide about. Their names are the operation IDs of the API.

use strum::{EnumString, IntoStaticStr, VariantArray};

/// An action of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, VariantArray, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case")]
#[expect(missing_docs, reason = "each is the operation of the API with this ID")]
pub enum Action {
    /// Reads the clusters of a scope and all that belongs to them.
    Read,
    CreateCluster,
    UpdateCluster,
    ScaleCluster,
    RepairCluster,
    AdoptCluster,
    DeleteCluster,
    RebootNodes,
    RetryOperation,
    CancelOperation,
    RollBackOperation,
    ReleaseCluster,
    ApproveOperation,
    RejectOperation,
    OpenIngress,
    CloseIngress,
    ListOrphans,
    CheckTarget,
    CreateWebhook,
    ListWebhooks,
    GetWebhook,
    UpdateWebhook,
    DeleteWebhook,
    RotateWebhookSecret,
    ListWebhookDeliveries,
    RedeliverWebhookDelivery,
    TestWebhook,
    /// Puts a cluster of no project into one, with `update_cluster`.
    AssignProject,
    ListAudit,
    /// Lets a managed service role reach a table.
    UseTable,
}

impl Action {
    /// Whether it is an action on a target, if no project is named.
    pub fn is_on_target(self) -> bool {
        matches!(self, Self::ListOrphans | Self::CheckTarget) || self.is_on_every_target()
    }

    /// Whether it is decided for every target: audit records, and webhooks of no project, are about all
    /// of them.
    pub fn is_on_every_target(self) -> bool {
        self == Self::ListAudit || self.is_on_webhooks()
    }

    /// Whether it is an action on webhooks: of a project, decided for its scopes, or of all, decided for
    /// every target.
    pub fn is_on_webhooks(self) -> bool {
        matches!(
            self,
            Self::CreateWebhook
                | Self::ListWebhooks
                | Self::GetWebhook
                | Self::UpdateWebhook
                | Self::DeleteWebhook
                | Self::RotateWebhookSecret
                | Self::ListWebhookDeliveries
                | Self::RedeliverWebhookDelivery
                | Self::TestWebhook
        )
    }

    /// Whether it starts an operation, which can wait for an approval.
    pub fn starts_operation(self) -> bool {
        match self {
            Self::CreateCluster
            | Self::UpdateCluster
            | Self::ScaleCluster
            | Self::RepairCluster
            | Self::AdoptCluster
            | Self::DeleteCluster
            | Self::RebootNodes
            | Self::ReleaseCluster
            | Self::OpenIngress
            | Self::CloseIngress
            | Self::AssignProject
            | Self::UseTable => true,
            Self::Read
            | Self::RetryOperation
            | Self::CancelOperation
            | Self::RollBackOperation
            | Self::ApproveOperation
            | Self::RejectOperation
            | Self::ListOrphans
            | Self::CheckTarget
            | Self::CreateWebhook
            | Self::ListWebhooks
            | Self::GetWebhook
            | Self::UpdateWebhook
            | Self::DeleteWebhook
            | Self::RotateWebhookSecret
            | Self::ListWebhookDeliveries
            | Self::RedeliverWebhookDelivery
            | Self::TestWebhook
            | Self::ListAudit => false,
        }
    }

    /// The name in policies.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// How an operation of the API is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// It needs no authentication.
    Public,
    /// Every caller may: the answer has nothing of clusters, or only of scopes that the caller may
    /// read.
    EveryCaller,
    /// It reads a scope; for a caller who may not, the resource does not exist.
    Read,
    /// A policy must permit the action. What it is about must be readable.
    Action(Action),
}

/// The right that an operation of the API needs. `None`: no operation has this ID.
pub fn right_of(operation_id: &str) -> Option<Right> {
    if let Ok(action) = operation_id.parse::<Action>() {
        let is_of_api = !matches!(
            action,
            Action::Read | Action::UseTable | Action::AssignProject
        );
        return is_of_api.then_some(Right::Action(action));
    }
    let right = match operation_id {
        "list_problem_types" | "get_problem_type" | "check_liveness" | "check_readiness"
        | "read_metrics" | "get_openapi" | "get_openapi_3_0" => Right::Public,
        // Lists show only what the caller may read.
        "list_clusters" | "list_operations" | "list_events" | "stream_events" | "list_targets"
        | "list_node_types" | "list_hints" | "explain_refusal" | "get_me" | "authorize_request" => {
            Right::EveryCaller
        }
        "get_cluster"
        | "get_drift"
        | "get_connection"
        | "list_cluster_events"
        | "get_operation"
        | "list_operation_events"
        | "stream_operation_events"
        | "list_service_roles"
        | "list_subnet_groups"
        | "list_parameter_groups"
        | "get_target"
        | "plan_cluster"
        | "plan_change"
        | "preflight_cluster" => Right::Read,
        _ => return None,
    };
    Some(right)
}
