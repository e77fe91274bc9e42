//! Trust: whether a role's trust policy lets DAX assume it.

use serde_json::Value;

use super::policies::DAX_PRINCIPAL;
use crate::domain::names::IAM_PATH;

/// Path of service-linked roles, which trust a service but are not service roles.
const SERVICE_LINKED_PATH: &str = "/aws-service-role/";

/// Whether a role of this path and trust policy can be the one that an account has for DAX, as the AWS console looks for
/// it: it lets DAX in, and is neither ours nor linked to a service.
pub fn may_serve(path: &str, trust_policy: &str) -> bool {
    !path.starts_with(IAM_PATH) && is_service_role(path, trust_policy)
}

/// Whether a role of this path and trust policy lets DAX in and is not linked to a service, whoever made it.
pub fn is_service_role(path: &str, trust_policy: &str) -> bool {
    !path.starts_with(SERVICE_LINKED_PATH) && trusts_dax(trust_policy)
}

/// Whether a trust policy, as JSON text, allows DAX to assume the role and nothing denies it.
///
/// Conditions are not evaluated: a statement with one counts as trust, because DAX itself is the judge of it.
pub fn trusts_dax(document: &str) -> bool {
    let Ok(document) = serde_json::from_str::<Value>(document) else {
        return false;
    };
    let statements = one_or_many(document.get("Statement"));
    let speaks_of_dax = |effect: &str, statement: &&Value| {
        statement.get("Effect").and_then(Value::as_str) == Some(effect)
            && assumes(statement)
            && names_dax(statement)
    };
    statements
        .iter()
        .any(|statement| speaks_of_dax("Allow", &statement))
        && !statements.iter().any(|statement| {
            speaks_of_dax("Deny", &statement) && statement.get("Condition").is_none()
        })
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

/// IAM writes a single element with or without brackets.
fn one_or_many(value: Option<&Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(many)) => many.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    }
}

/// Whether two policy documents, as JSON text, say the same: the order of keys and white space do not count.
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
    fn only_a_policy_that_lets_dax_assume_the_role_is_trust() {
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
    fn a_role_of_ours_or_of_a_service_is_not_the_account_s() {
        let dax = crate::domain::iam::policies::trust_policy().to_json();
        assert!(may_serve("/", &dax) && may_serve("/service-role/", &dax));
        assert!(
            !may_serve(IAM_PATH, &dax) && !may_serve("/aws-service-role/dax.amazonaws.com/", &dax)
        );
        assert!(!may_serve("/", "{}"));
        assert!(
            is_service_role(IAM_PATH, &dax)
                && !is_service_role("/aws-service-role/dax.amazonaws.com/", &dax)
        );
    }

    #[test]
    fn documents_are_compared_by_what_they_say() {
        assert!(same_document(
            r#"{"a":1,"b":[2]}"#,
            r#"{ "b": [2], "a": 1 }"#
        ));
        assert!(!same_document(r#"{"a":1}"#, r#"{"a":2}"#));
        assert!(!same_document("", ""));
    }
}
