//! Request fingerprint: a hash of the canonical JSON of a body, to detect a repeated request.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// SHA-256 of method, path and body. White space and the order of keys have no effect.
pub(crate) fn fingerprint(method: &str, path: &str, body: &Value) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in [method.as_bytes(), path.as_bytes(), canonical(body).as_bytes()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}

/// The JSON text of a value, with sorted keys and without white space.
fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            out.push_str(&value.to_string())
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, member)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write(member, out);
            }
            out.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn only_key_order_and_white_space_have_no_effect() {
        let a: Value =
            serde_json::from_str(r#"{"b": [1, {"y": 1, "x": "\""}], "a": null}"#).unwrap();
        assert_eq!(canonical(&a), r#"{"a":null,"b":[1,{"x":"\"","y":1}]}"#);
        let b = json!({"a": null, "b": [1, {"x": "\"", "y": 1}]});
        assert_eq!(
            fingerprint("POST", "/v1/clusters", &a),
            fingerprint("POST", "/v1/clusters", &b)
        );
        assert_ne!(
            fingerprint("POST", "/v1/clusters", &a),
            fingerprint("PATCH", "/v1/clusters", &a)
        );
        assert_ne!(
            fingerprint("POST", "/v1/clusters", &a),
            fingerprint("POST", "/v1/clusters/", &a)
        );
        assert_ne!(
            fingerprint("POST", "/v1/clusters", &json!(1)),
            fingerprint("POST", "/v1/clusters", &json!("1"))
        );
    }

    proptest! {
        #[test]
        fn canonical_json_parses_to_the_same_value(
            pairs in prop::collection::btree_map(".{0,8}", any::<i64>(), 0..8),
        ) {
            let value = json!(pairs);
            prop_assert_eq!(serde_json::from_str::<Value>(&canonical(&value)).unwrap(), value);
        }
    }
}
