//! Condition keys that a simulation depends on and that its context lacks.

use std::collections::BTreeSet;

use super::document::Document;
use super::evaluate::{Authority, Request};

/// The condition keys that can affect the decision and are missing in the context, as the policies
/// spell them.
pub fn missing_keys(authority: &Authority<'_>, request: &Request<'_>) -> BTreeSet<String> {
    let boundary = authority
        .boundary
        .map(std::slice::from_ref)
        .unwrap_or_default();
    let documents = authority
        .identity
        .iter()
        .chain(boundary)
        .chain(authority.session.unwrap_or_default());
    let keys_of = |document: &Document| -> Vec<String> {
        let statements = document.statements.iter();
        let covering = statements.filter(|statement| {
            statement.covers(request.action, request.resource, request.context)
        });
        covering
            .flat_map(|statement| statement.missing_keys(request.context))
            .map(str::to_owned)
            .collect()
    };
    documents.flat_map(keys_of).collect()
}

#[cfg(test)]
mod tests {
    use super::missing_keys;
    use crate::policy::document::Document;
    use crate::policy::evaluate::{Authority, Context, Request};

    const PASSING: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:PassRole",
        "Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"dax.amazonaws.com"}}}]}"#;

    #[test]
    fn only_keys_of_statements_that_cover_the_request_are_missing() {
        let documents = [Document::parse_identity(PASSING).expect("a valid policy")];
        let authority = Authority {
            identity: &documents,
            boundary: None,
            session: None,
            organization: None,
        };
        let missing = |action, context: &Context| {
            let request = Request {
                action,
                resource: "*",
                context,
            };
            missing_keys(&authority, &request)
                .into_iter()
                .collect::<Vec<String>>()
        };
        let empty = Context::new();
        assert_eq!(missing("iam:PassRole", &empty), ["iam:PassedToService"]);
        assert!(missing("iam:CreateRole", &empty).is_empty());
        let complete = Context::from([(
            "iam:passedtoservice".to_owned(),
            vec!["ec2.amazonaws.com".to_owned()],
        )]);
        assert!(missing("iam:PassRole", &complete).is_empty());
    }
}
