//! The canonical form of a request, from which client and server compute the signature.

use axum::http;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Everything but RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The canonical request; `None` when a signed header is missing or is not text.
pub(super) fn request(
    parts: &http::request::Parts,
    signed_headers: &[String],
    payload_hash: &str,
) -> Option<String> {
    let mut headers = String::new();
    for name in signed_headers {
        headers.push_str(&format!("{name}:{}\n", header_value(parts, name)?));
    }
    Some(format!(
        "{}\n{}\n{}\n{headers}\n{}\n{payload_hash}",
        parts.method,
        path(parts.uri.path()),
        query(parts.uri.query().unwrap_or_default())?,
        signed_headers.join(";"),
    ))
}

/// The path without dot and empty segments, encoded once more, as all services but S3 require.
fn path(raw: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in raw.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    if kept.is_empty() {
        return "/".to_owned();
    }
    let ends_in_slash = raw.ends_with('/') || raw.ends_with("/.") || raw.ends_with("/..");
    let encoded: Vec<String> = kept
        .iter()
        .map(|segment| utf8_percent_encode(segment, ENCODED).to_string())
        .collect();
    format!(
        "/{}{}",
        encoded.join("/"),
        if ends_in_slash { "/" } else { "" }
    )
}

/// The query sorted by name and value, each encoded exactly once.
fn query(raw: &str) -> Option<String> {
    let encode = |text: &str| {
        let plain = percent_decode_str(text).decode_utf8().ok()?;
        Some(utf8_percent_encode(&plain, ENCODED).to_string())
    };
    let mut pairs = Vec::new();
    for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push((encode(name)?, encode(value)?));
    }
    pairs.sort();
    Some(
        pairs
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("&"),
    )
}

/// All values of a header, trimmed, with runs of spaces collapsed, joined by commas.
fn header_value(parts: &http::request::Parts, name: &str) -> Option<String> {
    let mut values = Vec::new();
    for value in parts.headers.get_all(name) {
        values.push(
            std::str::from_utf8(value.as_bytes())
                .ok()?
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
        );
    }
    // HTTP/2 clients sign `host` and send it as the authority.
    if values.is_empty() && name == "host" {
        values.push(parts.uri.authority()?.to_string());
    }
    (!values.is_empty()).then(|| values.join(","))
}
