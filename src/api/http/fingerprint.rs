//! Request fingerprint: a hash of the canonical JSON of a body, to detect a repeated request.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::target::TargetName;

/// SHA-256 of method, path, target and body. White space and the order of keys have no effect. The
/// target `default` is left out: keys of earlier versions know no target.
pub(crate) fn fingerprint(method: &str, path: &str, target: &TargetName, body: &Value) -> Vec<u8> {
    let body = canonical(body);
    let mut hash = Sha256::new();
    let target = Some(target.as_str()).filter(|_| !target.is_default());
    for part in [method, path, &body].into_iter().chain(target) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}

/// The JSON of a body without white space, with sorted keys.
fn canonical(body: &Value) -> String {
    let mut body = body.clone();
    body.sort_all_objects();
    body.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_key_order_and_white_space_have_no_effect() {
        let (any, other) = (TargetName::default(), TargetName::parse("other").unwrap());
        let a: Value =
            serde_json::from_str(r#"{"b": [1, {"y": 1, "x": "\""}], "a": null}"#).unwrap();
        assert_eq!(canonical(&a), r#"{"a":null,"b":[1,{"x":"\"","y":1}]}"#);
        let b = json!({"a": null, "b": [1, {"x": "\"", "y": 1}]});
        assert_eq!(
            fingerprint("POST", "/v1/clusters", &any, &a),
            fingerprint("POST", "/v1/clusters", &any, &b)
        );
        assert_ne!(
            fingerprint("POST", "/v1/clusters", &any, &a),
            fingerprint("PATCH", "/v1/clusters", &any, &a)
        );
        assert_ne!(
            fingerprint("POST", "/v1/clusters", &any, &a),
            fingerprint("POST", "/v1/clusters/", &any, &a)
        );
        assert_ne!(
            fingerprint("POST", "/v1/clusters", &any, &a),
            fingerprint("POST", "/v1/clusters", &other, &a)
        );
        assert_ne!(
            fingerprint("POST", "/v1/clusters", &any, &json!(1)),
            fingerprint("POST", "/v1/clusters", &any, &json!("1"))
        );
    }
}
