//! The variable segment of a path.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::domain::names::ClusterName;
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::target::TargetName;

use crate::api::access::CallerApi;
use crate::api::http::api_error::ApiError;
use crate::api::targets::TargetApi;

/// Maximum length of a segment, in bytes. A longer one names nothing, and errors quote the name.
const SEGMENT_BYTES_MAX: usize = 256;

/// The variable segment of the path, percent-decoded. Invalid UTF-8 and long names are a 404.
pub(crate) struct PathSegment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathSegment {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(segment)) if segment.len() <= SEGMENT_BYTES_MAX => Ok(Self(segment)),
            Ok(_) | Err(_) => Err(ApiError::new(ProblemCode::NotFound, "no such resource")),
        }
    }
}

/// The cluster in the path. An invalid name is a 404, as no cluster can have it.
#[derive(IntoParams)]
#[into_params(names("name"), parameter_in = Path)]
pub(crate) struct ClusterPath(
    /// Name of the cluster.
    #[param(value_type = String, example = "orders-cache")]
    pub(crate) ClusterName,
);

impl<S: Send + Sync> FromRequestParts<S> for ClusterPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let PathSegment(name) = PathSegment::from_request_parts(parts, state).await?;
        let name = ClusterName::parse(&name).map_err(|_| no_such_cluster(&name))?;
        Ok(Self(name))
    }
}

/// The target in the path. An unknown name is a 404.
#[derive(IntoParams)]
#[into_params(names("name"), parameter_in = Path)]
pub(crate) struct TargetPath(
    /// Name of the target.
    #[param(value_type = String, example = "default")]
    String,
);

impl<S: Send + Sync> FromRequestParts<S> for TargetPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let PathSegment(name) = PathSegment::from_request_parts(parts, state).await?;
        Ok(Self(name))
    }
}

impl TargetPath {
    /// The API for the target.
    pub(crate) fn target(&self, api: &CallerApi) -> Result<TargetApi, ApiError> {
        let unknown = || {
            let detail = format!("there is no target {:?}", self.0);
            ApiError::new(ProblemCode::NotFound, detail)
        };
        let name = TargetName::parse(&self.0).map_err(|_| unknown())?;
        api.reachable(&name).ok_or_else(unknown)
    }
}

/// The operation in the path. An invalid ID is a 404.
#[derive(IntoParams)]
#[into_params(names("id"), parameter_in = Path)]
pub(crate) struct OperationPath(
    /// Operation ID.
    pub(crate) Uuid,
);

impl<S: Send + Sync> FromRequestParts<S> for OperationPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let PathSegment(id) = PathSegment::from_request_parts(parts, state).await?;
        let id = Uuid::parse_str(&id).map_err(|_| no_such_operation(&id))?;
        Ok(Self(id))
    }
}

/// The 404 for a cluster that is not managed.
pub(crate) fn no_such_cluster(name: &str) -> ApiError {
    ApiError::new(
        ProblemCode::NotFound,
        format!("there is no cluster {name:?}"),
    )
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
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    /// The status and the body of a GET.
    async fn read(path: &str) -> (u16, String) {
        let cluster = |ClusterPath(name): ClusterPath| async move { name.to_string() };
        let operation = |OperationPath(id): OperationPath| async move { id.to_string() };
        let router: Router = Router::new()
            .route("/clusters/{name}", get(cluster))
            .route("/operations/{id}", get(operation));
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn names_in_paths_are_case_folded_and_invalid_ones_not_found() {
        assert_eq!(read("/clusters/Orders").await, (200, "orders".to_owned()));
        for invalid in ["", "a%20b", "1a", "a%00b", "a%2Fb", "%C3%A9", "%FF"] {
            let (status, body) = read(&format!("/clusters/{invalid}")).await;
            assert_eq!(status, 404, "{invalid}: {body}");
        }
        let id = Uuid::nil().to_string();
        assert_eq!(read(&format!("/operations/{id}")).await, (200, id));
        assert_eq!(read("/operations/x").await.0, 404);
        let (status, body) = read(&format!("/clusters/{}", "%01".repeat(4_000))).await;
        assert!(status == 404 && body.len() < 1_000, "{body}");
    }
}
