//! Query parameters: each must be known and must be sent once.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use uuid::Uuid;

use crate::domain::names::ClusterName;
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::validation::violation::RuleViolation;

use super::problem::{FieldError, Problem};
use crate::api::http::api_error::ApiError;
use crate::api::http::enum_schemas::StringEnum;

/// The query parameters of a request. A handler takes the ones it knows; the rest is unknown.
pub(crate) struct Parameters {
    pairs: Vec<(String, String)>,
    errors: Vec<FieldError>,
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match Query::<Vec<(String, String)>>::try_from_uri(&parts.uri) {
            Ok(Query(pairs)) => Ok(Self {
                pairs,
                errors: Vec::new(),
            }),
            Err(_) => Err(Problem::unreadable("the query string is malformed").into()),
        }
    }
}

impl Parameters {
    /// Removes a parameter and returns its value, if it is present and valid.
    pub(crate) fn take<T>(
        &mut self,
        name: &str,
        read: impl Fn(&str) -> Result<T, RuleViolation>,
    ) -> Option<T> {
        let (taken, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.pairs)
            .into_iter()
            .partition(|(key, _)| key == name);
        self.pairs = rest;
        let read = match taken.as_slice() {
            [] => return None,
            [(_, value)] => read(value),
            _ => Err(RuleViolation::new("repeated", "must be sent once")),
        };
        read.map_err(|rule| self.errors.push(FieldError::of_parameter(name, rule)))
            .ok()
    }

    /// Ends the parsing: an error if a value was invalid or a parameter is unknown.
    pub(crate) fn finish(mut self) -> Result<(), ApiError> {
        for (name, _) in &self.pairs {
            let rule =
                RuleViolation::new("unknown_parameter", "is not a parameter of this request");
            self.errors.push(FieldError::of_parameter(name, rule));
        }
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(self.errors).into())
        }
    }
}

/// Parses a value of an enum; the error lists the allowed values.
pub(crate) fn one_of<T: StringEnum + FromStr>(text: &str) -> Result<T, RuleViolation> {
    text.parse().map_err(|_| {
        RuleViolation::new(
            "unknown_value",
            format!("must be one of {}", T::values().join(", ")),
        )
    })
}

/// Parses the name of a cluster in a path. An invalid name is a 404, as no cluster can have it.
pub(crate) fn cluster_in_path(text: &str) -> Result<ClusterName, ApiError> {
    ClusterName::parse(text).map_err(|_| no_such_cluster(text))
}

/// The 404 for a cluster that is not managed.
pub(crate) fn no_such_cluster(name: &str) -> ApiError {
    ApiError::new(
        ProblemCode::NotFound,
        format!("there is no cluster {name:?}"),
    )
}

/// Parses the ID of an operation in a path. An invalid ID is a 404.
pub(crate) fn operation_in_path(text: &str) -> Result<Uuid, ApiError> {
    Uuid::parse_str(text).map_err(|_| no_such_operation(text))
}

/// The 404 for an operation that does not exist.
pub(crate) fn no_such_operation(id: &str) -> ApiError {
    ApiError::new(
        ProblemCode::NotFound,
        format!("there is no operation {id:?}"),
    )
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use crate::domain::operation::Status;

    use super::*;

    async fn parameters(query: &str) -> Result<Parameters, ApiError> {
        let (mut parts, ()) = Request::get(format!("/v1/operations?{query}"))
            .body(())
            .unwrap()
            .into_parts();
        Parameters::from_request_parts(&mut parts, &()).await
    }

    #[tokio::test]
    async fn known_parameters_are_read_and_others_rejected() {
        let mut good = parameters("status=blocked").await.unwrap();
        assert_eq!(
            good.take("status", one_of::<Status>),
            Some(Status::Blocked)
        );
        assert_eq!(good.take("kind", one_of::<Status>), None);
        assert!(good.finish().is_ok());
        for bad in [
            "status=lost",
            "status=",
            "status=blocked&status=failed",
            "stat=blocked",
            "status=blocked&=",
            "%00=1",
        ] {
            let mut parameters = parameters(bad).await.unwrap();
            parameters.take("status", one_of::<Status>);
            assert!(parameters.finish().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_in_paths_are_case_folded_and_invalid_ones_not_found() {
        assert_eq!(cluster_in_path("Orders").unwrap().as_str(), "orders");
        for invalid in ["", "a b", "1a", "a\0b", "a/b", "é"] {
            assert!(cluster_in_path(invalid).is_err());
        }
        assert!(operation_in_path("x").is_err());
    }
}
