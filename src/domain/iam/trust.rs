//! Trust: whether a role's trust policy allows DAX to assume the role.

use serde_json::Value;

use super::policies::DAX_PRINCIPAL;
use crate::domain::names::IAM_PATH;

/// Path of service-linked roles, which cannot be the service role of a cluster.
pub const SERVICE_LINKED_PATH: &str = "/aws-service-role/";

/// Whether a search for the account's existing service role accepts a role, as the AWS console
/// does: the role trusts DAX, and is neither created by this service nor service-linked.
pub fn is_discoverable(path: &str, trust_policy: &str) -> bool {
    !path.starts_with(IAM_PATH) && is_service_role(path, trust_policy)
}

/// Whether a role of this path and trust policy trusts DAX, is not service-linked, and can be named
/// in a policy.
pub fn is_service_role(path: &str, trust_policy: &str) -> bool {
    !path.starts_with(SERVICE_LINKED_PATH) && is_literal_path(path) && trusts_dax(trust_policy)
}

/// Whether an IAM path, such as `/team/`, has no empty segment and no character with a meaning in
/// policies. IAM permits every visible character, also `*`, `?` and `$`.
pub fn is_literal_path(path: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    let is_segment = |text: &str| !text.is_empty() && text.bytes().all(is_allowed);
    let segments = path
        .strip_prefix('/')
        .and_then(|path| path.strip_suffix('/'));
    path == "/" || segments.is_some_and(|segments| segments.split('/').all(is_segment))
}

/// Whether a trust policy, as JSON text, allows DAX to assume the role and does not deny it.
///
/// Conditions are not evaluated: an Allow with a condition counts as trust, because only DAX can
/// evaluate it.
pub fn trusts_dax(document: &str) -> bool {
    dax_trust(document) != DaxTrust::None
}

/// Whether a trust policy allows DAX to assume the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DaxTrust {
    /// It does.
    Unconditional,
    /// It does under conditions with these keys, which only AWS can evaluate.
    Conditional(Vec<String>),
    /// It does not.
    None,
}

/// The trust that a trust policy, as JSON text, has in DAX.
pub fn dax_trust(document: &str) -> DaxTrust {
    let Ok(document) = serde_json::from_str::<Value>(document) else {
        return DaxTrust::None;
    };
    let statements = one_or_many(document.get("Statement"));
    let about_dax = |effect: &str| -> Vec<&Value> {
        let statements = statements.iter().filter(|statement| {
            statement.get("Effect").and_then(Value::as_str) == Some(effect)
                && assumes(statement)
                && names_dax(statement)
        });
        statements.collect()
    };
    let (allows, denies) = (about_dax("Allow"), about_dax("Deny"));
    let is_open = |statement: &&&Value| statement.get("Condition").is_none();
    if allows.is_empty() || denies.iter().any(|deny| is_open(&deny)) {
        return DaxTrust::None;
    }
    let allow_keys = if allows.iter().any(|allow| is_open(&allow)) {
        Vec::new()
    } else {
        allows
    };
    let mut keys: Vec<String> = allow_keys
        .into_iter()
        .chain(denies)
        .flat_map(condition_keys)
        .collect();
    keys.sort_unstable();
    keys.dedup();
    if keys.is_empty() {
        DaxTrust::Unconditional
    } else {
        DaxTrust::Conditional(keys)
    }
}

/// The condition keys of a statement.
fn condition_keys(statement: &Value) -> Vec<String> {
    let operators = statement.get("Condition").and_then(Value::as_object);
    let tests = operators
        .into_iter()
        .flat_map(|operators| operators.values());
    let keys = tests
        .filter_map(Value::as_object)
        .flat_map(|test| test.keys());
    keys.cloned().collect()
}

fn assumes(statement: &Value) -> bool {
    one_or_many(statement.get("Action"))
        .iter()
        .filter_map(Value::as_str)
        .any(|action| {
            ["sts:assumerole", "sts:*", "*"].contains(&action.to_ascii_lowercase().as_str())
        })
}

fn names_dax(statement: &Value) -> bool {
    let principal = statement.get("Principal");
    let services = one_or_many(principal.and_then(|principal| principal.get("Service")));
    services
        .iter()
        .any(|service| service.as_str() == Some(DAX_PRINCIPAL))
}

/// The elements of an array, or a single value: IAM accepts both.
fn one_or_many(value: Option<&Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(many)) => many.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    }
}

/// Whether two policy documents, as JSON text, are equal apart from key order and white space.
pub fn same_document(a: &str, b: &str) -> bool {
    match (
        serde_json::from_str::<Value>(a),
        serde_json::from_str::<Value>(b),
    ) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_policy_that_allows_dax_to_assume_the_role_is_trust() {
        let dax = r#"{"Statement":[{"Effect":"Allow","Principal":{"Service":"dax.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
        let several = r#"{"Statement":{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com","dax.amazonaws.com"]},"Action":["sts:AssumeRole"]}}"#;
        assert!(trusts_dax(dax));
        assert!(trusts_dax(several));
        for other in [
            "",
            "not json",
            "{}",
            r#"{"Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#,
            r#"{"Statement":[{"Effect":"Deny","Principal":{"Service":"dax.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#,
            r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"dax.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#,
            r#"{"Statement":[{"Effect":"Allow","Principal":{"Service":"dax.amazonaws.com"},"Action":"sts:TagSession"}]}"#,
        ] {
            assert!(!trusts_dax(other), "{other}");
        }
        let denied = dax.replace(
            r#"}]}"#,
            r#"},{"Effect":"Deny","Principal":{"Service":"dax.amazonaws.com"},"Action":"*"}]}"#,
        );
        assert!(!trusts_dax(&denied));
    }

    #[test]
    fn trust_under_conditions_names_their_keys() {
        let statement = |effect: &str, condition: &str| {
            format!(
                r#"{{"Effect":"{effect}","Principal":{{"Service":"dax.amazonaws.com"}},"Action":"sts:AssumeRole"{condition}}}"#
            )
        };
        let account = r#","Condition":{"StringEquals":{"aws:SourceAccount":"1"}}"#;
        let arn =
            r#","Condition":{"ArnLike":{"aws:SourceArn":"a"},"StringLike":{"aws:SourceArn":"b"}}"#;
        let trust = |statements: &[String]| {
            dax_trust(&format!(r#"{{"Statement":[{}]}}"#, statements.join(",")))
        };
        let conditional = |keys: &[&str]| {
            DaxTrust::Conditional(keys.iter().map(|key| (*key).to_owned()).collect())
        };
        let (open, limited) = (statement("Allow", ""), statement("Allow", account));
        assert_eq!(trust(std::slice::from_ref(&open)), DaxTrust::Unconditional);
        assert_eq!(
            trust(std::slice::from_ref(&limited)),
            conditional(&["aws:SourceAccount"])
        );
        assert_eq!(
            trust(&[limited.clone(), open.clone()]),
            DaxTrust::Unconditional
        );
        let denied = statement("Deny", arn);
        assert_eq!(
            trust(&[open, denied.clone()]),
            conditional(&["aws:SourceArn"])
        );
        let both = conditional(&["aws:SourceAccount", "aws:SourceArn"]);
        assert_eq!(trust(&[limited, denied]), both);
    }

    #[test]
    fn managed_and_service_linked_roles_are_not_discoverable() {
        let dax = crate::domain::iam::policies::trust_policy().to_json();
        assert!(is_discoverable("/", &dax) && is_discoverable("/service-role/", &dax));
        assert!(
            !is_discoverable(IAM_PATH, &dax)
                && !is_discoverable("/aws-service-role/dax.amazonaws.com/", &dax)
        );
        assert!(!is_discoverable("/", "{}"));
        for path in ["/a*/", "/a?/", "/${aws:username}/", "//", "/a", "a/", ""] {
            assert!(!is_service_role(path, &dax), "{path}");
        }
        assert!(is_service_role("/team/a+=,.@-_/", &dax));
        assert!(
            is_service_role(IAM_PATH, &dax)
                && !is_service_role("/aws-service-role/dax.amazonaws.com/", &dax)
        );
    }

    #[test]
    fn documents_are_compared_by_their_content() {
        assert!(same_document(
            r#"{"a":1,"b":[2]}"#,
            r#"{ "b": [2], "a": 1 }"#
        ));
        assert!(!same_document(r#"{"a":1}"#, r#"{"a":2}"#));
        assert!(!same_document("", ""));
    }
}
