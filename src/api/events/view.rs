//! Shapes of the feed: its events and its cursors.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::domain::names::ClusterName;
use crate::domain::operation::Kind;
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::project::ProjectName;
use crate::domain::target::TargetName;
use crate::domain::validation::violation::RuleViolation;
use crate::store::{FeedEvent, FeedFilter, FeedState, StoreError};

use crate::api::access::CallerApi;
use crate::api::enum_schemas::OperationKindSchema;
use crate::api::http::api_error::ApiError;
use crate::api::http::query::by_rule;
use crate::api::operations::events::Event;
use crate::api::operations::read::cluster_name;
use crate::api::targets::{project_name, target_name};

/// Most characters of an event type in a filter.
const TYPE_CHARS_MAX: usize = 64;

/// A position in the feed and the generation that it belongs to: `generation.position`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FeedCursor {
    pub(crate) generation: i32,
    pub(crate) position: i64,
}

impl fmt::Display for FeedCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.generation, self.position)
    }
}

impl FromStr for FeedCursor {
    type Err = RuleViolation;

    fn from_str(text: &str) -> Result<Self, RuleViolation> {
        let parsed = text.split_once('.').and_then(|(generation, position)| {
            Some(Self {
                generation: generation.parse().ok()?,
                position: position.parse().ok()?,
            })
        });
        parsed
            .filter(|cursor| cursor.generation > 0 && cursor.position >= 0)
            // One spelling of each cursor: no sign, no leading zero.
            .filter(|cursor| cursor.to_string() == text)
            .ok_or_else(|| {
                RuleViolation::new("invalid_format", "must be a cursor of the event feed")
            })
    }
}

impl FeedCursor {
    /// The cursor before the oldest event.
    pub(crate) fn oldest(state: &FeedState) -> Self {
        Self {
            generation: state.generation,
            position: state.pruned_through,
        }
    }

    /// The position to continue after. An error if events after it are no longer available, or if
    /// it was not issued.
    pub(crate) fn resume(self, state: &FeedState) -> Result<i64, ApiError> {
        let oldest = Self::oldest(state);
        let gone = |reason: &str| {
            let detail = format!("{reason}; the oldest cursor is `{oldest}`");
            Err(ApiError::new(ProblemCode::CursorExpired, detail))
        };
        if self.generation < state.generation {
            return gone("the database was restored from a backup after this cursor was issued");
        }
        if self.position < state.pruned_through {
            return gone("events after this cursor were deleted");
        }
        if self.generation > state.generation || self.position > state.last {
            return gone("this cursor was not issued by this service");
        }
        Ok(self.position)
    }
}

/// Filters of the feed.
#[derive(Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedFilters {
    /// Only events of operations on this cluster, even if it is deleted.
    #[param(value_type = String, required = false, example = "orders-cache",
            min_length = 1, max_length = 20, pattern = "^[A-Za-z](-?[A-Za-z0-9])*$")]
    #[serde(default, deserialize_with = "cluster_name")]
    cluster: Option<ClusterName>,
    /// Only events of clusters of this target.
    #[param(value_type = String, required = false, min_length = 1, max_length = 40,
            pattern = "^[a-z][a-z0-9-]*$")]
    #[serde(default, deserialize_with = "target_name")]
    target: Option<TargetName>,
    /// Only events of clusters of this project.
    #[param(value_type = String, required = false, min_length = 1, max_length = 40,
            pattern = "^[a-z][a-z0-9-]*$")]
    #[serde(default, deserialize_with = "project_name")]
    project: Option<ProjectName>,
    /// Only events of this type, such as `operation_succeeded`.
    #[param(value_type = String, required = false, example = "operation_succeeded",
            min_length = 1, max_length = 64, pattern = "^[a-z_]+$")]
    #[serde(default, rename = "type", deserialize_with = "event_type")]
    type_: Option<String>,
}

fn event_type<'de, D: Deserializer<'de>>(text: D) -> Result<Option<String>, D::Error> {
    by_rule(text, |text| {
        let is_type = (1..=TYPE_CHARS_MAX).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let rule = || RuleViolation::new("invalid_format", "must be an event type");
        is_type.then(|| text.to_owned()).ok_or_else(rule)
    })
}

impl FeedFilters {
    /// The filters as parameters of a URL, each after an `&`. Their values need no escape.
    pub(crate) fn as_query(&self) -> String {
        let cluster = self.cluster.as_ref().map(|name| format!("&cluster={name}"));
        let event_type = self.type_.as_ref().map(|name| format!("&type={name}"));
        let target = self.target.as_ref().map(|name| format!("&target={name}"));
        let project = self.project.as_ref().map(|name| format!("&project={name}"));
        let filters = [cluster, event_type, target, project];
        filters.into_iter().flatten().collect()
    }
}

impl FeedFilters {
    /// The events of these filters that the caller may read.
    pub(crate) async fn of_caller(&self, api: &CallerApi) -> Result<FeedFilter, StoreError> {
        Ok(FeedFilter {
            scopes: api.scopes().await?,
            project: self.project.as_ref().map(ProjectName::to_string),
            target: self.target.as_ref().map(TargetName::to_string),
            cluster: self.cluster.clone().map(String::from),
            kind: self.type_.clone(),
        })
    }
}

/// An event in the feed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FeedItem {
    /// Cursor of this event: `after` continues behind it.
    #[schema(value_type = String, example = "1.42", pattern = "^[1-9][0-9]*\\.[0-9]+$")]
    cursor: String,
    /// ID of the operation.
    operation_id: Uuid,
    /// Kind of the operation.
    #[schema(value_type = OperationKindSchema)]
    kind: Kind,
    /// Target of the cluster.
    #[schema(value_type = String, example = "default")]
    target: TargetName,
    /// Project of the cluster; null if it belongs to none.
    #[schema(value_type = Option<String>, example = "payments")]
    project: Option<ProjectName>,
    /// Name of the cluster.
    #[schema(value_type = String, example = "orders-cache")]
    cluster: ClusterName,
    /// The event.
    event: Event,
}

impl FeedItem {
    pub(crate) fn new(generation: i32, feed_event: FeedEvent) -> Self {
        let cursor = FeedCursor {
            generation,
            position: feed_event.position,
        };
        Self {
            cursor: cursor.to_string(),
            operation_id: feed_event.operation_id,
            kind: feed_event.operation_kind,
            target: feed_event.target,
            project: feed_event.project,
            cluster: feed_event.cluster,
            event: Event::of_operation(feed_event.event),
        }
    }

    pub(crate) fn cursor(&self) -> &str {
        &self.cursor
    }

    pub(crate) fn event_type(&self) -> &str {
        self.event.type_name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_has_one_spelling() {
        let cursor: FeedCursor = "3.42".parse().unwrap();
        assert_eq!((cursor.generation, cursor.position), (3, 42));
        assert_eq!(cursor.to_string(), "3.42");
        for text in [
            "",
            "3",
            "3.",
            ".4",
            "0.1",
            "-1.2",
            "1.-2",
            "+1.2",
            "1.+2",
            "01.2",
            "1.02",
            "1.2.3",
            "1. 2",
            "99999999999.1",
            "1.99999999999999999999",
        ] {
            assert!(text.parse::<FeedCursor>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_cursor_is_resumed_only_if_nothing_after_it_is_lost() {
        let state = FeedState {
            generation: 2,
            last: 10,
            pruned_through: 4,
        };
        let resume = |generation, position| {
            let cursor = FeedCursor {
                generation,
                position,
            };
            cursor.resume(&state).ok()
        };
        assert_eq!(resume(2, 4), Some(4));
        assert_eq!(resume(2, 10), Some(10));
        for (generation, position) in [(1, 5), (2, 3), (2, 11), (3, 5)] {
            assert_eq!(
                resume(generation, position),
                None,
                "{generation}.{position}"
            );
        }
    }
}
