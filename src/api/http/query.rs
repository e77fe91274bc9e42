//! Parameters: names and values behind the `?`, every one of them known, and given once.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use uuid::Uuid;

use crate::domain::names::ClusterName;
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::validation::violation::RuleViolation;

use super::problem::{FieldError, Problem};
use crate::api::http::api_error::ApiError;

/// The query parameters of a request, read one by one; whatever is left over is unknown.
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
            Err(_) => Err(Problem::unreadable("the query of the URL cannot be read").into()),
        }
    }
}

impl Parameters {
    /// The value of a parameter, if it is given and good.
    pub(crate) fn take<T>(
        &mut self,
        name: &str,
        read: impl Fn(&str) -> Result<T, RuleViolation>,
    ) -> Option<T> {
        let (given, left): (Vec<_>, Vec<_>) = std::mem::take(&mut self.pairs)
            .into_iter()
            .partition(|(key, _)| key == name);
        self.pairs = left;
        let read = match given.as_slice() {
            [] => return None,
            [(_, value)] => read(value),
            _ => Err(RuleViolation::new("repeated", "must be given once")),
        };
        read.map_err(|rule| self.errors.push(FieldError::of_parameter(name, rule)))
            .ok()
    }

    /// Ends the reading: refused if a value was bad or a parameter is unknown.
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

/// A word of a closed set.
pub(crate) fn word<T: crate::api::http::enum_schemas::StringEnum>(
    parse: impl Fn(&str) -> Option<T>,
) -> impl Fn(&str) -> Result<T, RuleViolation> {
    move |text| {
        let unknown = || {
            RuleViolation::new(
                "unknown_value",
                format!("must be one of {}", T::words().join(", ")),
            )
        };
        parse(text).ok_or_else(unknown)
    }
}

/// The name of a cluster in a path. A name no cluster can have is a cluster there is not.
pub(crate) fn cluster_in_path(text: &str) -> Result<ClusterName, ApiError> {
    ClusterName::parse(text).map_err(|_| no_such_cluster(text))
}

/// The refusal of a name that no managed cluster has.
pub(crate) fn no_such_cluster(name: &str) -> ApiError {
    ApiError::new(
        ProblemCode::NotFound,
        format!("there is no cluster {name:?}"),
    )
}

/// The id of an operation in a path.
pub(crate) fn operation_in_path(text: &str) -> Result<Uuid, ApiError> {
    Uuid::parse_str(text).map_err(|_| no_such_operation(text))
}

/// The refusal of an id that no operation has.
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
    async fn known_parameters_are_read_and_others_refused() {
        let mut good = parameters("status=blocked").await.unwrap();
        assert_eq!(
            good.take("status", word(Status::parse)),
            Some(Status::Blocked)
        );
        assert_eq!(good.take("kind", word(Status::parse)), None);
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
            parameters.take("status", word(Status::parse));
            assert!(parameters.finish().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_in_paths_are_folded_and_impossible_ones_not_found() {
        assert_eq!(cluster_in_path("Orders").unwrap().as_str(), "orders");
        for impossible in ["", "a b", "1a", "a\0b", "a/b", "é"] {
            assert!(cluster_in_path(impossible).is_err());
        }
        assert!(operation_in_path("x").is_err());
    }
}
