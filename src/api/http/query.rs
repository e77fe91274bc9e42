//! Query parameters: each must be known, sent once and valid. All errors are returned together.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error};
use serde_json::{Map, Value};
use utoipa::IntoParams;
use utoipa::openapi::{RefOr, Schema};

use crate::domain::validation::violation::RuleViolation;

use super::problem::{FieldError, Problem};
use crate::api::enum_schemas::StringEnum;
use crate::api::http::api_error::ApiError;

/// Maximum length of a query string.
const BYTES_MAX: usize = 8 * 1024;
/// Maximum number of parameters in a query string.
const PAIRS_MAX: usize = 32;

/// The query of a request. `T` documents the parameters and reads them; all of them are optional.
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + IntoParams> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let mut parameters = Parameters::of(parts)?;
        let query = parameters.read();
        parameters.finish().map(|()| Self(query))
    }
}

/// A query without parameters.
pub(crate) struct NoQuery;

impl<S: Send + Sync> FromRequestParts<S> for NoQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Parameters::of(parts)?.finish().map(|()| Self)
    }
}

/// The query parameters that are not read yet, and the errors of the others.
pub(crate) struct Parameters {
    pairs: Vec<(String, String)>,
    errors: Vec<FieldError>,
}

/// Rejects a large query before it is parsed.
fn check_size(query: &str) -> Result<(), ApiError> {
    if query.len() > BYTES_MAX {
        let detail = format!("the query string is longer than {BYTES_MAX} bytes");
        return Err(Problem::unreadable(detail).into());
    }
    if query.bytes().filter(|&byte| byte == b'&').count() >= PAIRS_MAX {
        let detail = format!("the query string has more than {PAIRS_MAX} parameters");
        return Err(Problem::unreadable(detail).into());
    }
    Ok(())
}

impl Parameters {
    pub(crate) fn of(parts: &Parts) -> Result<Self, ApiError> {
        check_size(parts.uri.query().unwrap_or_default())?;
        let query = axum::extract::Query::try_from_uri(&parts.uri)
            .map_err(|_| Problem::unreadable("the query string is malformed"))?;
        Ok(Self {
            pairs: query.0,
            errors: Vec::new(),
        })
    }

    /// Reads the parameters that `T` documents. Invalid ones are absent from the result.
    pub(crate) fn read<T: DeserializeOwned + IntoParams>(&mut self) -> T {
        let mut valid = Map::new();
        for parameter in T::into_params(|| None) {
            let name = parameter.name;
            let sent: Vec<Value> = self
                .pairs
                .extract_if(.., |(key, _)| *key == name)
                .map(|(_, text)| text.into())
                .collect();
            let is_list = matches!(parameter.schema, Some(RefOr::T(Schema::Array(_))));
            let member = match sent.as_slice() {
                [] => continue,
                _ if is_list => Map::from_iter([(name.clone(), sent.into())]),
                [text] => Map::from_iter([(name.clone(), text.clone())]),
                _ => {
                    self.reject(&name, RuleViolation::new("repeated", "must be sent once"));
                    continue;
                }
            };
            match T::deserialize(Value::Object(member.clone())) {
                Ok(_) => valid.extend(member),
                Err(error) => self.errors.push(field_error(name, &error.to_string())),
            }
        }
        T::deserialize(Value::Object(valid)).expect("the parameters are optional and independent")
    }

    pub(crate) fn reject(&mut self, name: &str, rule: RuleViolation) {
        self.errors.push(FieldError::of_parameter(name, rule));
    }

    /// Ends the parsing: an error if a parameter was invalid or is unknown.
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

/// Deserializes a parameter by a rule. serde keeps only the text of an error, so the code of the
/// rule becomes its first word.
pub(crate) fn by_rule<'de, D: Deserializer<'de>, T>(
    text: D,
    rule: impl FnOnce(&str) -> Result<T, RuleViolation>,
) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(text)?;
    let error = |rule: RuleViolation| D::Error::custom(format!("{} {}", rule.code, rule.detail));
    rule(&text).map(Some).map_err(error)
}

/// The inverse of the text in [`by_rule`].
fn field_error(name: String, text: &str) -> FieldError {
    let (code, detail) = text.split_once(' ').unwrap_or(("invalid_format", text));
    FieldError {
        pointer: None,
        parameter: Some(name),
        code: code.to_owned(),
        detail: detail.to_owned(),
    }
}

/// Deserializes a repeated parameter, each value by a rule.
pub(crate) fn each_by_rule<'de, D: Deserializer<'de>, T>(
    texts: D,
    rule: impl Fn(&str) -> Result<T, RuleViolation>,
) -> Result<Vec<T>, D::Error> {
    let texts = Vec::<String>::deserialize(texts)?;
    let error = |rule: RuleViolation| D::Error::custom(format!("{} {}", rule.code, rule.detail));
    texts.iter().map(|text| rule(text).map_err(error)).collect()
}

/// Deserializes the values of an enum; the error lists the allowed values.
pub(crate) fn any_of<'de, D: Deserializer<'de>, T: StringEnum + FromStr>(
    texts: D,
) -> Result<Vec<T>, D::Error> {
    each_by_rule(texts, one_value)
}

/// Deserializes a value of an enum; the error lists the allowed values.
pub(crate) fn one_of<'de, D: Deserializer<'de>, T: StringEnum + FromStr>(
    text: D,
) -> Result<Option<T>, D::Error> {
    by_rule(text, one_value)
}

fn one_value<T: StringEnum + FromStr>(text: &str) -> Result<T, RuleViolation> {
    text.parse().map_err(|_| {
        let values = T::values().join(", ");
        RuleViolation::new("unknown_value", format!("must be one of {values}"))
    })
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use axum::response::IntoResponse;
    use serde_json::json;

    use crate::domain::operation::{Kind, Status};

    use super::*;

    #[derive(Debug, PartialEq, Deserialize, IntoParams)]
    #[serde(deny_unknown_fields)]
    struct Filter {
        #[param(value_type = String)]
        #[serde(default, deserialize_with = "one_of")]
        kind: Option<Kind>,
        #[param(value_type = String)]
        #[serde(default, deserialize_with = "one_of")]
        status: Option<Status>,
    }

    async fn extract<T: FromRequestParts<(), Rejection = ApiError>>(
        query: &str,
    ) -> Result<T, ApiError> {
        let request = Request::get(format!("/v1/operations?{query}"));
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        T::from_request_parts(&mut parts, &()).await
    }

    #[tokio::test]
    async fn known_parameters_are_read_and_others_rejected() {
        let Query(good) = extract::<Query<Filter>>("status=blocked").await.unwrap();
        let status = Some(Status::Blocked);
        assert_eq!(good, Filter { kind: None, status });
        assert!(extract::<NoQuery>("").await.is_ok());
        assert!(extract::<NoQuery>("status=blocked").await.is_err());
        for bad in [
            "status=lost",
            "status=",
            "status=blocked&status=failed",
            "stat=blocked",
            "status=blocked&=",
            "%00=1",
        ] {
            assert!(extract::<Query<Filter>>(bad).await.is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn all_errors_are_returned_together() {
        let query = "colour=blue&status=lost&kind=scale_cluster&kind=scale_cluster";
        let error = extract::<Query<Filter>>(query).await.err().unwrap();
        let body = error.into_response().into_body();
        let body = axum::body::to_bytes(body, 10_000).await.unwrap();
        let problem: Value = serde_json::from_slice(&body).unwrap();
        let statuses = Status::values().join(", ");
        let expected = json!([
            {"parameter": "kind", "code": "repeated", "detail": "must be sent once"},
            {"parameter": "status", "code": "unknown_value",
             "detail": format!("must be one of {statuses}")},
            {"parameter": "colour", "code": "unknown_parameter",
             "detail": "is not a parameter of this request"},
        ]);
        assert_eq!(problem["errors"], expected);
    }
}
