//! Policy variables, such as `${aws:username}`
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>).

use std::borrow::Cow;

use super::evaluate::Context;

/// The text with the values of its variables. `None` if one has no value: IAM then does not match
/// the text. A variable can have a default: `${aws:username, 'none'}`.
pub(super) fn resolve<'a>(text: &'a str, context: &Context) -> Option<Cow<'a, str>> {
    if !text.contains("${") {
        return Some(Cow::Borrowed(text));
    }
    let (mut resolved, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("${") {
        let (variable, after) = after.split_once('}')?;
        resolved.push_str(before);
        resolved.push_str(&value_of(variable, context)?);
        rest = after;
    }
    resolved.push_str(rest);
    Some(Cow::Owned(resolved))
}

fn value_of(variable: &str, context: &Context) -> Option<String> {
    let (name, default) = match variable.split_once(',') {
        Some((name, default)) => (name, Some(default.trim().trim_matches('\''))),
        None => (variable, None),
    };
    let values = context.get(&name.trim().to_ascii_lowercase());
    match values.map(Vec::as_slice) {
        Some([one]) => Some(one.clone()),
        Some(_) | None => default.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::resolve;
    use crate::policy::evaluate::Context;

    #[test]
    fn variables_have_the_values_of_the_request() {
        let context = Context::from([("aws:username".to_owned(), vec!["portal".to_owned()])]);
        let resolved = |text| resolve(text, &context).map(|text| text.into_owned());
        assert_eq!(
            resolved("user/${aws:username}/*").as_deref(),
            Some("user/portal/*")
        );
        assert_eq!(resolved("${AWS:UserName}").as_deref(), Some("portal"));
        assert_eq!(resolved("plain").as_deref(), Some("plain"));
        assert_eq!(
            resolved("${aws:PrincipalTag/team, 'none'}").as_deref(),
            Some("none")
        );
        for without_value in ["${aws:PrincipalTag/team}", "${aws:username", "${*}"] {
            assert_eq!(resolved(without_value), None, "{without_value}");
        }
    }
}
