//! Observation of calls to AWS: metrics by service, call and outcome, spans of traces, and throttling
//! for the budget.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use tracing::Span;
use tracing::field::Empty;

use super::budget::{Budget, Group};
use super::fault::{is_absence, is_throttling};

fn is_read(call: &str) -> bool {
    ["Describe", "Get", "List"]
        .iter()
        .any(|verb| call.starts_with(verb))
}

/// The header with AWS's ID of a request.
const REQUEST_ID: &str = "x-amzn-requestid";

/// The span of a call, from before it is signed until its outcome is known.
#[derive(Debug)]
struct CallSpan(Span);

impl Storable for CallSpan {
    type Storer = StoreReplace<Self>;
}

/// An SDK interceptor that observes calls and does not change them.
#[derive(Debug)]
pub(super) struct CallObserver(pub(super) Budget);

impl Intercept for CallObserver {
    fn name(&self) -> &'static str {
        "CallObserver"
    }

    fn read_before_serialization(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(call) = config.load::<Metadata>() else {
            return Ok(());
        };
        let span = tracing::error_span!(
            "aws",
            rpc.system = "aws-api",
            rpc.service = call.service(),
            rpc.method = call.name(),
            aws.outcome = Empty,
            aws.request_id = Empty,
        );
        config.interceptor_state().store_put(CallSpan(span));
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(call) = config.load::<Metadata>() else {
            return Ok(());
        };
        let body = context
            .response()
            .and_then(|response| response.body().bytes());
        let outcome = match (context.output_or_error(), context.response()) {
            (Some(Ok(_)), _) => "ok",
            // A read that finds nothing is part of every plan.
            (_, Some(_)) if is_read(call.name()) && body.is_some_and(is_absence) => "absent",
            (_, Some(_)) => "refused",
            (_, None) => "unanswered",
        };
        if let Some(CallSpan(span)) = config.load::<CallSpan>() {
            span.record("aws.outcome", outcome);
            let headers = context.response().map(|response| response.headers());
            let request_id = headers.and_then(|headers| headers.get(REQUEST_ID));
            span.record("aws.request_id", request_id);
        }
        if outcome == "refused" && body.is_some_and(is_throttling) {
            self.0.throttled(Group::of(call.service(), call.name()));
        }
        let labels = [
            ("service", call.service().to_lowercase()),
            ("call", call.name().to_owned()),
            ("outcome", outcome.to_owned()),
        ];
        metrics::counter!("dax_provisioner_aws_calls_total", &labels).increment(1);
        Ok(())
    }
}
