//! Which trace a span belongs to. It depends on nothing, and every layer above `domain` may use it.
//!
//! An operation keeps the `traceparent` of its request, so its turns, in any process, are in the
//! trace of the request. Without `--otlp-endpoint` these functions do nothing.
//!
//! The spans of traces are at the level ERROR, so that a filter of the log does not remove them.

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, Value};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

/// Makes a span that has not been entered a part of the trace of a valid `traceparent`.
pub fn continue_from(span: &Span, traceparent: &str) {
    if let Some(parent) = parse(traceparent) {
        let context = Context::new().with_remote_span_context(parent);
        // It fails if no traces are exported.
        let _ = span.set_parent(context);
    }
}

/// Makes a span that has not been entered a part of the trace of an operation. An operation that no
/// request started has a trace of its own, whose ID is that of the operation.
pub fn continue_operation(span: &Span, operation_id: Uuid, traceparent: Option<&str>) {
    match traceparent {
        Some(traceparent) => continue_from(span, traceparent),
        None => {
            let id = operation_id.simple().to_string();
            continue_from(span, &format!("00-{id}-{}-01", &id[16..]));
        }
    }
}

/// The `traceparent` of a span. `None` if its trace is not exported.
pub fn traceparent(span: &Span) -> Option<String> {
    let context = span.context();
    let context = context.span().span_context().clone();
    context.is_sampled().then(|| {
        let (trace, span) = (context.trace_id(), context.span_id());
        format!("00-{trace}-{span}-01")
    })
}

/// Adds an attribute to the span in the trace, and not to the lines of the log.
pub fn note(span: &Span, name: &'static str, value: impl Into<Value>) {
    span.set_attribute(name, value);
}

fn parse(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-').skip(1);
    let (trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?);
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(parent).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?),
        true,
        TraceState::default(),
    );
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_parsed_with_its_sampling_flag() {
        let sampled = parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
        assert_eq!(
            sampled.trace_id().to_string(),
            "4bf92f3577b34da6a3ce929d0e0e4736"
        );
        assert!(sampled.is_sampled() && sampled.is_remote());
        let other = parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00").unwrap();
        assert!(!other.is_sampled());
        assert!(parse("").is_none() && parse("00-0-0-0").is_none());
    }

    #[test]
    fn without_an_exporter_a_span_has_no_traceparent() {
        let span = tracing::error_span!("request");
        continue_from(
            &span,
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        );
        assert_eq!(traceparent(&span), None);
    }
}
