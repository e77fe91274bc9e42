//! Words: the closed sets of the domain as string enumerations of the API document.

use std::borrow::Cow;
use std::marker::PhantomData;

use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::iam::policies::Access;
use crate::domain::inventory::{Owner, Presence, ResourceKind};
use crate::domain::operation::{ClusterStatus, Kind, Status, StepStatus};
use crate::domain::preflight::CheckStatus;
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::samples::Language;
use crate::domain::spec::{NetworkType, OnFailure};
use crate::domain::timeline::EventSource;
use crate::domain::waiting::WaitingFor;

/// A closed set whose members are words.
pub(crate) trait StringEnum {
    /// The name of the schema.
    const NAME: &'static str;
    /// What the words are about.
    const ABOUT: &'static str;
    /// Every word.
    fn words() -> Vec<&'static str>;
}

/// The schema of a closed set. Nobody makes one; it only stands in the place of the set in the document.
pub(crate) struct EnumSchema<T>(PhantomData<T>);

impl<T: StringEnum> PartialSchema for EnumSchema<T> {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
        object
            .description(Some(T::ABOUT))
            .enum_values(Some(T::words()))
            .into()
    }
}

impl<T: StringEnum> ToSchema for EnumSchema<T> {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed(T::NAME)
    }
}

/// Schema of [`Kind`].
pub(crate) type OperationKindSchema = EnumSchema<Kind>;
/// Schema of [`Status`].
pub(crate) type OperationStatusSchema = EnumSchema<Status>;
/// Schema of [`StepStatus`].
pub(crate) type StepStatusSchema = EnumSchema<StepStatus>;
/// Schema of [`WaitingFor`].
pub(crate) type WaitingForSchema = EnumSchema<WaitingFor>;
/// Schema of [`ClusterStatus`].
pub(crate) type ClusterStatusSchema = EnumSchema<ClusterStatus>;
/// Schema of [`ResourceKind`].
pub(crate) type ResourceKindSchema = EnumSchema<ResourceKind>;
/// Schema of [`Owner`].
pub(crate) type OwnerSchema = EnumSchema<Owner>;
/// Schema of [`Presence`].
pub(crate) type PresenceSchema = EnumSchema<Presence>;
/// Schema of [`ProblemCode`].
pub(crate) type ProblemCodeSchema = EnumSchema<ProblemCode>;
/// Schema of [`NetworkType`].
pub(crate) type NetworkTypeSchema = EnumSchema<NetworkType>;
/// Schema of [`OnFailure`].
pub(crate) type OnFailureSchema = EnumSchema<OnFailure>;
/// Schema of [`Access`].
pub(crate) type AccessSchema = EnumSchema<Access>;
/// Schema of [`CheckStatus`].
pub(crate) type CheckResultSchema = EnumSchema<CheckStatus>;

/// Schema of [`EventSource`].
pub(crate) type EventSourceSchema = EnumSchema<EventSource>;
/// Schema of [`Language`].
pub(crate) type SampleLanguageSchema = EnumSchema<Language>;

impl StringEnum for Kind {
    const NAME: &'static str = "OperationKind";
    const ABOUT: &'static str = "The kind of an operation.";

    fn words() -> Vec<&'static str> {
        Self::ALL.map(Self::as_str).to_vec()
    }
}

impl StringEnum for Status {
    const NAME: &'static str = "OperationStatus";
    const ABOUT: &'static str = "Where an operation stands. `succeeded`, `failed` and `cancelled` never change. \
        `blocked` means: stopped, curable without another request; it looks again by itself.";

    fn words() -> Vec<&'static str> {
        Self::ALL.map(Self::as_str).to_vec()
    }
}

impl StringEnum for StepStatus {
    const NAME: &'static str = "StepStatus";
    const ABOUT: &'static str = "Where a step stands.";

    fn words() -> Vec<&'static str> {
        Self::ALL.map(Self::as_str).to_vec()
    }
}

impl StringEnum for WaitingFor {
    const NAME: &'static str = "WaitingFor";
    const ABOUT: &'static str = "What an operation waits for.";

    fn words() -> Vec<&'static str> {
        Self::ALL.map(Self::as_str).to_vec()
    }
}

impl StringEnum for ClusterStatus {
    const NAME: &'static str = "ClusterStatus";
    const ABOUT: &'static str =
        "Where a cluster stands in our eyes; AWS's own status is in `observed`.";

    fn words() -> Vec<&'static str> {
        Self::ALL.map(Self::as_str).to_vec()
    }
}

impl StringEnum for ResourceKind {
    const NAME: &'static str = "ResourceKind";
    const ABOUT: &'static str = "The kind of a thing in AWS.";

    fn words() -> Vec<&'static str> {
        Self::ALL.map(Self::as_str).to_vec()
    }
}

impl StringEnum for Owner {
    const NAME: &'static str = "Owner";
    const ABOUT: &'static str = "`managed`: we made it, and delete it with its cluster. `external`: found or given, never deleted by us.";

    fn words() -> Vec<&'static str> {
        vec![Self::Managed.as_str(), Self::External.as_str()]
    }
}

impl StringEnum for Presence {
    const NAME: &'static str = "ReceiptState";
    const ABOUT: &'static str =
        "`present`: it exists. `gone`: we removed it. `left`: it was left, for the reason given.";

    fn words() -> Vec<&'static str> {
        vec![
            Self::Present.as_str(),
            Self::Gone.as_str(),
            Self::Left.as_str(),
        ]
    }
}

impl StringEnum for ProblemCode {
    const NAME: &'static str = "ProblemCode";
    const ABOUT: &'static str =
        "The closed set of problem types; each has its page under `/problems/`.";

    fn words() -> Vec<&'static str> {
        Self::ALL.map(Self::as_str).to_vec()
    }
}

impl StringEnum for NetworkType {
    const NAME: &'static str = "NetworkType";
    const ABOUT: &'static str =
        "The address family of a cluster's endpoints. It cannot change after creation.";

    fn words() -> Vec<&'static str> {
        [Self::Ipv4, Self::Ipv6, Self::DualStack]
            .map(Self::as_str)
            .to_vec()
    }
}

impl StringEnum for OnFailure {
    const NAME: &'static str = "OnFailure";
    const ABOUT: &'static str =
        "`hold`: stop, explain, and go on when the cause is gone. `roll_back`: undo what was made.";

    fn words() -> Vec<&'static str> {
        vec!["hold", "roll_back"]
    }
}

impl StringEnum for Access {
    const NAME: &'static str = "Access";
    const ABOUT: &'static str = "What a service role may do with its tables.";

    fn words() -> Vec<&'static str> {
        vec!["read_only", "read_write"]
    }
}

impl StringEnum for CheckStatus {
    const NAME: &'static str = "CheckResult";
    const ABOUT: &'static str = "`pass`: looked at, and well. `fail`: it would stop the work. `not_checked`: it could not be \
        looked at, and may be well all the same.";

    fn words() -> Vec<&'static str> {
        Self::ALL.map(Self::as_str).to_vec()
    }
}

impl StringEnum for EventSource {
    const NAME: &'static str = "EventSource";
    const ABOUT: &'static str = "Who tells an event: DAX itself, or one of our operations.";

    fn words() -> Vec<&'static str> {
        vec![Self::Dax.as_str(), Self::Operation.as_str()]
    }
}

impl StringEnum for Language {
    const NAME: &'static str = "SampleLanguage";
    const ABOUT: &'static str =
        "The programming language of a sample, each with AWS's own DAX client for it.";

    fn words() -> Vec<&'static str> {
        Self::ALL.map(Self::as_str).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;

    /// Every word must be one that requests are read with and answers are written with.
    fn reads<T: StringEnum + DeserializeOwned + serde::Serialize>() {
        for word in T::words() {
            let value: T = serde_json::from_value(word.into()).expect(word);
            assert_eq!(serde_json::to_value(value).unwrap(), word);
        }
    }

    #[test]
    fn the_documented_words_are_the_words_in_use() {
        reads::<Kind>();
        reads::<Status>();
        reads::<StepStatus>();
        reads::<WaitingFor>();
        reads::<ClusterStatus>();
        reads::<ResourceKind>();
        reads::<Owner>();
        reads::<Presence>();
        reads::<ProblemCode>();
        reads::<NetworkType>();
        reads::<OnFailure>();
        reads::<Access>();
        reads::<CheckStatus>();
        reads::<EventSource>();
        reads::<Language>();
    }
}
