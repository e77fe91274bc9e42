//! Enum schemas: the domain's enums as string enumerations of the OpenAPI document.

use std::borrow::Cow;
use std::marker::PhantomData;

use strum::VariantArray;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::authorization::Action;
use crate::domain::audit::AuditDecision;
use crate::domain::iam::policies::Access;
use crate::domain::inventory::{Owner, Presence, ResourceKind};
use crate::domain::node_types::Offered;
use crate::domain::operation::{
    ApprovalDecision, Attention, ClusterStatus, Kind, Status, StepStatus,
};
use crate::domain::plan::ResourceEffect;
use crate::domain::preflight::CheckStatus;
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::samples::Language;
use crate::domain::spec::{NetworkType, OnFailure};
use crate::domain::target::TargetStatusKind;
use crate::domain::timeline::EventSource;
use crate::domain::waiting::WaitingFor;
use crate::domain::webhooks::{DeliveryStatus, DisabledReason, WebhookEvent};

/// An enum that is a string in the API.
pub(crate) trait StringEnum: VariantArray + Copy + Into<&'static str> {
    /// Name of the schema.
    const NAME: &'static str;
    /// Description of the schema.
    const DESCRIPTION: &'static str;

    /// Every value, as in JSON.
    fn values() -> Vec<&'static str> {
        Self::VARIANTS.iter().map(|&value| value.into()).collect()
    }
}

/// The schema of an enum. It has no values; it replaces the enum in `value_type` attributes.
pub(crate) struct EnumSchema<T>(PhantomData<T>);

impl<T: StringEnum> PartialSchema for EnumSchema<T> {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
        object
            .description(Some(T::DESCRIPTION))
            .enum_values(Some(T::values()))
            .into()
    }
}

impl<T: StringEnum> ToSchema for EnumSchema<T> {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed(T::NAME)
    }
}

pub(crate) type ActionSchema = EnumSchema<Action>;
pub(crate) type OfferedSchema = EnumSchema<Offered>;
pub(crate) type ApprovalDecisionSchema = EnumSchema<ApprovalDecision>;
pub(crate) type OperationKindSchema = EnumSchema<Kind>;
pub(crate) type OperationStatusSchema = EnumSchema<Status>;
pub(crate) type StepStatusSchema = EnumSchema<StepStatus>;
pub(crate) type WaitingForSchema = EnumSchema<WaitingFor>;
pub(crate) type ClusterStatusSchema = EnumSchema<ClusterStatus>;
pub(crate) type AttentionSchema = EnumSchema<Attention>;
pub(crate) type ResourceKindSchema = EnumSchema<ResourceKind>;
pub(crate) type ResourceEffectSchema = EnumSchema<ResourceEffect>;
pub(crate) type OwnerSchema = EnumSchema<Owner>;
pub(crate) type PresenceSchema = EnumSchema<Presence>;
pub(crate) type ProblemCodeSchema = EnumSchema<ProblemCode>;
pub(crate) type NetworkTypeSchema = EnumSchema<NetworkType>;
pub(crate) type OnFailureSchema = EnumSchema<OnFailure>;
pub(crate) type AccessSchema = EnumSchema<Access>;
pub(crate) type CheckResultSchema = EnumSchema<CheckStatus>;
pub(crate) type EventSourceSchema = EnumSchema<EventSource>;
pub(crate) type TargetStatusSchema = EnumSchema<TargetStatusKind>;
pub(crate) type WebhookEventSchema = EnumSchema<WebhookEvent>;
pub(crate) type DisabledReasonSchema = EnumSchema<DisabledReason>;
pub(crate) type DeliveryStatusSchema = EnumSchema<DeliveryStatus>;
pub(crate) type AuditDecisionSchema = EnumSchema<AuditDecision>;
pub(crate) type SampleLanguageSchema = EnumSchema<Language>;

impl StringEnum for Action {
    const NAME: &'static str = "Action";
    const DESCRIPTION: &'static str =
        "What policies decide about: the ID of an operation of this API, `read`, or `use_table`.";
}

impl StringEnum for TargetStatusKind {
    const NAME: &'static str = "TargetStatus";
    const DESCRIPTION: &'static str = "Whether operations in a target can run. `unreachable`: AWS does not answer, or \
        does not let the service in; it is tried again. `misconfigured`: an operator must act. \
        `removed`: the organisation no longer has it. In each of them, operations wait.";
}

impl StringEnum for ApprovalDecision {
    const NAME: &'static str = "ApprovalDecision";
    const DESCRIPTION: &'static str =
        "What a member of the group decided. `rejected` ends the operation.";
}

impl StringEnum for Kind {
    const NAME: &'static str = "OperationKind";
    const DESCRIPTION: &'static str = "Kind of an operation.";
}

impl StringEnum for Status {
    const NAME: &'static str = "OperationStatus";
    const DESCRIPTION: &'static str = "Status of an operation. `succeeded`, `failed` and `cancelled` are final. \
        `awaiting_approval`: nothing is sent to AWS until members of the groups in `approvals` have \
        approved it. `blocked`: stopped by a problem that can be fixed without a new request; the service \
        rechecks it periodically and resumes.";
}

impl StringEnum for StepStatus {
    const NAME: &'static str = "StepStatus";
    const DESCRIPTION: &'static str = "Status of a step.";
}

impl StringEnum for WaitingFor {
    const NAME: &'static str = "WaitingFor";
    const DESCRIPTION: &'static str = "What an operation waits for.";
}

impl StringEnum for ClusterStatus {
    const NAME: &'static str = "ClusterStatus";
    const DESCRIPTION: &'static str =
        "Status of a cluster in this service; `observed` contains the status that AWS reports.";
}

impl StringEnum for Attention {
    const NAME: &'static str = "ClusterAttention";
    const DESCRIPTION: &'static str = "Why a cluster needs attention. `blocked`: its last operation is \
        blocked. `awaiting_approval`: an operation on it waits for people. `failed`: its last operation failed, or it was never created. `expiring`: it is deleted within a day, or its deletion protection \
        prevents that. `drifted`: AWS \
        differs from the desired settings.";
}

impl StringEnum for ResourceKind {
    const NAME: &'static str = "ResourceKind";
    const DESCRIPTION: &'static str = "Kind of an AWS resource.";
}

impl StringEnum for ResourceEffect {
    const NAME: &'static str = "ResourceEffect";
    const DESCRIPTION: &'static str = "What an operation does to a resource. `create`: it does not exist yet. \
        `change`: its settings change. `keep`: it is used, or left in AWS, as it is. \
        `delete`: it is deleted.";
}

impl StringEnum for Offered {
    const NAME: &'static str = "Offered";
    const DESCRIPTION: &'static str =
        "Whether a Region offers a node type; `unknown` if AWS publishes none for the Region.";
}

impl StringEnum for Owner {
    const NAME: &'static str = "Owner";
    const DESCRIPTION: &'static str = "`managed`: created by this service and deleted with its cluster. \
        `external`: existing or discovered, and never deleted by this service.";
}

impl StringEnum for Presence {
    const NAME: &'static str = "ReceiptState";
    const DESCRIPTION: &'static str =
        "`present`: it exists. `gone`: this service deleted it. `left`: it was kept; see `reason`.";
}

impl StringEnum for ProblemCode {
    const NAME: &'static str = "ProblemCode";
    const DESCRIPTION: &'static str = "Problem type; each is documented under `/problems/`.";
}

impl StringEnum for NetworkType {
    const NAME: &'static str = "NetworkType";
    const DESCRIPTION: &'static str =
        "Address family of a cluster's endpoints. It cannot be changed after creation.";
}

impl StringEnum for OnFailure {
    const NAME: &'static str = "OnFailure";
    const DESCRIPTION: &'static str = "What happens when an operation fails. \
        `hold`: stop, report the problem, and resume once its cause is fixed. \
        `roll_back`: delete what the operation created.";
}

impl StringEnum for Access {
    const NAME: &'static str = "Access";
    const DESCRIPTION: &'static str =
        "Access to DynamoDB tables that a service role grants to DAX.";
}

impl StringEnum for CheckStatus {
    const NAME: &'static str = "CheckResult";
    const DESCRIPTION: &'static str = "`pass`: checked, no problem found. `fail`: the operation would fail. \
        `not_checked`: could not be checked; the operation may still succeed.";
}

impl StringEnum for EventSource {
    const NAME: &'static str = "EventSource";
    const DESCRIPTION: &'static str = "Source of an event: DAX, or an operation of this service.";
}

impl StringEnum for Language {
    const NAME: &'static str = "SampleLanguage";
    const DESCRIPTION: &'static str =
        "Programming language of a code sample; AWS provides a DAX client for each.";
}

impl StringEnum for WebhookEvent {
    const NAME: &'static str = "WebhookEvent";
    const DESCRIPTION: &'static str = "An event that a webhook can select, named after what happened to an operation. \
        `*`: every event. `cluster.expiring`: the cluster is deleted within a day, or within an hour. `cluster.expiry_held`: deletion protection prevents that. `webhook.disabled`: another webhook was disabled because of its answers. `operation.cancelling`: a cancellation was requested. \
        `operation.rolling_back`: a failure or a request rolls it back. \
        `operation.unblocked`: the cause of a block is resolved.";
}

impl StringEnum for DisabledReason {
    const NAME: &'static str = "WebhookDisabledReason";
    const DESCRIPTION: &'static str = "Why a webhook is disabled. `requested`: by a request. \
        `gone`: the receiver answered 410. `failing`: every attempt of five days failed.";
}

impl StringEnum for AuditDecision {
    const NAME: &'static str = "AuditDecision";
    const DESCRIPTION: &'static str = "What became of a request, `accepted`, `denied` or `failed` (not authenticated), or of \
        a call to AWS: `intended`, it may have been sent; then `applied`, `refused` (it had no effect), or `settled` (the \
        answer was lost, and what exists was read since). `refused` is also a version of the organisation with faults.";
}

impl StringEnum for DeliveryStatus {
    const NAME: &'static str = "WebhookDeliveryStatus";
    const DESCRIPTION: &'static str = "Status of a delivery. `pending`: an attempt is due, now or later. \
        `succeeded`: the receiver answered with 2xx. `failed`: no further attempt follows.";
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;

    /// Checks that serde reads and writes every documented value.
    fn round_trips<T: StringEnum + DeserializeOwned + serde::Serialize>() {
        for name in T::values() {
            let value: T = serde_json::from_value(name.into()).expect(name);
            assert_eq!(serde_json::to_value(value).unwrap(), name);
        }
    }

    #[test]
    fn the_documented_values_are_the_serialized_ones() {
        round_trips::<Kind>();
        round_trips::<Status>();
        round_trips::<StepStatus>();
        round_trips::<WaitingFor>();
        round_trips::<ClusterStatus>();
        round_trips::<ResourceKind>();
        round_trips::<ResourceEffect>();
        round_trips::<Owner>();
        round_trips::<Presence>();
        round_trips::<ProblemCode>();
        round_trips::<NetworkType>();
        round_trips::<OnFailure>();
        round_trips::<Access>();
        round_trips::<CheckStatus>();
        round_trips::<EventSource>();
        round_trips::<Language>();
        round_trips::<WebhookEvent>();
        round_trips::<DisabledReason>();
        round_trips::<DeliveryStatus>();
    }
}
