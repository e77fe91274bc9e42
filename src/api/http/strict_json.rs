//! Strict JSON: rejects input that JSON parsers interpret differently.
//!
//! This module rejects duplicate keys, U+0000 (PostgreSQL cannot store it) and nesting deeper than
//! 16. `serde_json` rejects lone surrogates, numbers outside the range of `f64`, invalid UTF-8 and
//! trailing data.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Maximum nesting depth: a scalar has depth 0, each object or array around it adds one.
const DEPTH_MAX: usize = 16;
/// Number of characters of a key in an error.
const KEY_SHOWN_MAX: usize = 100;

/// Parses a body. Errors contain line and column; a broken rule of this module is a data error.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == DEPTH_MAX {
            return Err(E::custom(format!(
                "the body is nested deeper than {DEPTH_MAX}"
            )));
        }
        Ok(Self {
            depth: self.depth + 1,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number is out of range"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        checked(value).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut members = Map::new();
        while let Some(key) = object.next_key::<String>()? {
            let key = checked(&key)?;
            if members.contains_key(&key) {
                let key: String = key.chars().take(KEY_SHOWN_MAX).collect();
                return Err(A::Error::custom(format!("the key {key:?} appears twice")));
            }
            members.insert(key, object.next_value_seed(inner)?);
        }
        Ok(Value::Object(members))
    }
}

fn checked<E: Error>(text: &str) -> Result<String, E> {
    if text.contains('\0') {
        return Err(E::custom("U+0000 is not allowed in strings"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_parsed() {
        let body = br#" {"a": [1, -2, 3.5, true, null, "\ud83d\ude00"], "b": {"": "x"}} "#;
        assert_eq!(
            read(body).unwrap(),
            json!({"a": [1, -2, 3.5, true, null, "😀"], "b": {"": "x"}})
        );
    }

    #[test]
    fn hostile_bodies_are_rejected() {
        let digits = "9".repeat(400);
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        let deep = nested(17);
        let objects = format!("{}1{}", r#"{"a":"#.repeat(17), "}".repeat(17));
        assert!(read(nested(16).as_bytes()).is_ok());
        let hostile: [&[u8]; 36] = [
            b"",
            b" ",
            b"{",
            b"[1,]",
            b"{\"a\":1,}",
            b"{'a':1}",
            b"{a:1}",
            b"nul",
            b"NaN",
            b"Infinity",
            b"-Infinity",
            b"+1",
            b"01",
            b".5",
            b"1.",
            b"0x10",
            b"\"\x01\"",
            b"\"\\x41\"",
            b"\"\xff\"",
            b"\"\xed\xa0\x80\"",
            b"\xef\xbb\xbf{}",
            b"{} {}",
            b"{}garbage",
            b"/*c*/{}",
            br#"{"a":"\u0000"}"#,
            br#"{"\u0000":1}"#,
            b"\"\0\"",
            br#"{"a":"\ud800"}"#,
            br#"{"a":"\udc00\ud800"}"#,
            br#"{"a":1,"a":1}"#,
            br#"{"a":{"b":1,"\u0062":2}}"#,
            b"1e400",
            b"-1e400",
            digits.as_bytes(),
            deep.as_bytes(),
            objects.as_bytes(),
        ];
        for body in hostile {
            assert!(read(body).is_err(), "{:?}", String::from_utf8_lossy(body));
        }
        assert!(
            read(nested(100_000).as_bytes()).is_err(),
            "the stack must not overflow"
        );
    }

    #[test]
    fn the_error_contains_line_and_column() {
        let error = read(b"{\"a\": 1,\n \"a\": 2}").unwrap_err().to_string();
        assert_eq!(error, "the key \"a\" appears twice at line 2 column 4");
    }
}
