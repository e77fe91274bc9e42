//! The grammar of AWS's denial messages.
//!
//! `User: PRINCIPAL is not authorized to perform: ACTION [on resource: RESOURCE] [REASON]`, where
//! the reason is `because no KIND allows …` or `with an explicit deny [in a KIND[: ARN]]`.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::{DenialCause, PolicyKind};

/// Between two words of a sentence: a space, or a line break and what a tool wrote before the line.
const GAP: &str = r"(?: |\n(?:[^\n]*? )??)";

fn pattern(text: &str) -> Regex {
    Regex::new(&text.replace('_', GAP)).expect("the pattern is a valid regular expression")
}

/// The start of a denial. What follows the action must end it, so that a truncated action or one
/// with a wildcard never matches. `_` is a gap.
pub(super) static HEAD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r#"(?:(?i:\buser):?["']*_["'(\[]*(?P<user>[^\s"']+?)["')\]]*_|(?P<arn>arn:[^\s"']+)_)?"#,
        r#"(?i:is_not_authorized_to_perform):?["']*(?:_(?i:the_)??["'(\[]*)?"#,
        r#"(?P<action>[A-Za-z0-9-]+:[A-Za-z0-9]+)(?P<end>[^A-Za-z0-9:*?\-\x5f]|$)"#,
    ))
});

/// The words before a resource.
static ON: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"^["')\]]*_(?i:on_(?:the_)?resources?):?["']*_?"#));

/// The start of another denial.
static NEXT: LazyLock<Regex> = LazyLock::new(|| pattern("(?i:is_not_authorized_to_perform)"));

/// The reason, with the kind of policy.
static REASON: LazyLock<Regex> = LazyLock::new(|| {
    let kinds = "identity-based_policy|permissions_boundary|service_control_policy|\
                 resource_control_policy|session_policy|vpc_endpoint_policy|resource-based_policy";
    pattern(&format!(
        r#"(?i)[\s"'),.;:\]]+(?:because_no_(?P<missing>{kinds})\b|(?:with_an|because_of_an)_explicit_deny(?:_in_(?:an|a|the)_(?P<denying>{kinds})\b(?::_?["']?(?P<arn>arn:[^\s"'<>]+))?)?|because_)"#
    ))
});

/// The text after the action of a denial: its resource, cause, and the policy that denies.
pub(super) struct Tail {
    pub(super) resource: Option<String>,
    pub(super) cause: DenialCause,
    pub(super) policy_arn: Option<String>,
}

/// Parses the text after an action.
pub(super) fn tail(text: &str) -> Tail {
    // A further denial in the text is not part of this one.
    let text = NEXT.find(text).map_or(text, |next| &text[..next.start()]);
    let on = ON.find(text);
    let (start, names_resource) = (on.map_or(0, |on| on.end()), on.is_some());
    let is_after_break = on.is_some_and(|on| on.as_str().ends_with('\n'));
    let rest = &text[start..];
    let reason = REASON.captures(rest);
    let before = reason
        .as_ref()
        .and_then(|reason| reason.get(0))
        .map(|whole| &rest[..whole.start()]);
    let (resource, is_adjacent) = match (names_resource, before) {
        (true, Some(before)) => {
            let is_stated = reason.as_ref().is_some_and(states_policy);
            let broken = || broken_resource(before).filter(|_| is_stated);
            match whole_resource(before).or_else(broken) {
                Some(resource) => (Some(resource), true),
                None => (first_resource(rest, is_after_break), false),
            }
        }
        (true, None) => (first_resource(rest, is_after_break), false),
        (false, before) => (None, before.is_some_and(is_closing)),
    };
    let (cause, policy_arn) = match reason.filter(|_| is_adjacent) {
        Some(reason) => {
            let named = |group: &str| reason.name(group).map(|found| found.as_str());
            read_reason(named("missing"), named("denying"), named("arn"), &reason[0])
        }
        None => (DenialCause::Unstated, None),
    };
    Tail {
        resource: resource.filter(|resource| !resource.is_empty()),
        cause,
        policy_arn,
    }
}

/// Whether a reason has the words of AWS, and is not just any clause.
fn states_policy(reason: &Captures<'_>) -> bool {
    reason.name("missing").is_some() || reason[0].to_lowercase().contains("explicit")
}

fn read_reason(
    missing: Option<&str>,
    denying: Option<&str>,
    arn: Option<&str>,
    whole: &str,
) -> (DenialCause, Option<String>) {
    if let Some(kind) = missing.and_then(kind_of) {
        return (DenialCause::missing_allow_in(kind), None);
    }
    if !whole.to_lowercase().contains("explicit") {
        return (DenialCause::Unstated, None);
    }
    let arn = arn.map(|arn| {
        arn.trim_end_matches(['.', ',', ';', ')', ']', '}'])
            .to_owned()
    });
    (DenialCause::ExplicitDeny(denying.and_then(kind_of)), arn)
}

/// The kind of policy with this name.
fn kind_of(name: &str) -> Option<PolicyKind> {
    let name = name.to_lowercase();
    let kinds = [
        ("identity", PolicyKind::Identity),
        ("permissions", PolicyKind::PermissionsBoundary),
        ("service", PolicyKind::ServiceControl),
        ("resource-based", PolicyKind::Resource),
        ("resource", PolicyKind::ResourceControl),
        ("session", PolicyKind::Session),
        ("vpc", PolicyKind::VpcEndpoint),
    ];
    let found = kinds.iter().find(|(start, _)| name.starts_with(start));
    found.map(|(_, kind)| *kind)
}

/// Whether a text only closes quotes and brackets.
fn is_closing(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_whitespace() || "\"'),.;:]".contains(c))
}

/// Words that can stand before the name of a resource without an ARN.
const KINDS: [&str; 16] = [
    "policy",
    "role",
    "user",
    "group",
    "instance",
    "profile",
    "mfa",
    "device",
    "server",
    "certificate",
    "path",
    "access",
    "key",
    "provider",
    "account",
    "login",
];

/// Most words before the name of a resource.
const WORDS_MAX: usize = 4;

/// The resource if it is the whole text, as before a reason.
fn whole_resource(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (name, kinds) = words.split_last()?;
    let is_word = |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_whole = kinds.len() <= WORDS_MAX && kinds.iter().all(is_word);
    is_whole.then(|| [kinds, &[token(name, false)]].concat().join(" "))
}

/// The resource if a line break is inside it, with or without what a tool wrote before the line.
fn broken_resource(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (name, others) = words.split_last()?;
    let kinds = others.iter().position(|word| !KINDS.contains(word));
    let kinds = &others[..kinds.unwrap_or(others.len())];
    if !kinds.is_empty() && others.len() <= WORDS_MAX + kinds.len() {
        return Some([kinds, &[token(name, false)]].concat().join(" "));
    }
    if name.starts_with("arn:") && others.len() <= WORDS_MAX {
        return Some(token(name, false).to_owned());
    }
    let (start, end) = text.split_once('\n')?;
    let is_arn = start.starts_with("arn:") && !start.contains(' ') && !end.contains([' ', '\n']);
    is_arn.then(|| format!("{start}{}", token(end, false)))
}

/// The resource at the start of a text that can have more words.
fn first_resource(text: &str, is_after_break: bool) -> Option<String> {
    let all: Vec<&str> = text.split_whitespace().take(2 * WORDS_MAX).collect();
    let is_start = |word: &&str| KINDS.contains(word) || word.starts_with("arn:") || *word == "*";
    // What a tool wrote before the line is not the resource, if an ARN or a kind follows.
    let prefix = all.iter().position(is_start);
    let words = &all[prefix.filter(|_| is_after_break).unwrap_or(0)..];
    let kinds = words.iter().position(|word| !KINDS.contains(word));
    let kinds = match kinds {
        None => words.len().saturating_sub(1),
        Some(kinds) if kinds > 0 && words[kinds].starts_with('(') => kinds - 1,
        Some(kinds) => kinds,
    };
    // `(truncated...)`
    let name = words.get(kinds).filter(|name| !name.starts_with('('))?;
    let name = token(name, true);
    let resource = [&words[..kinds], &[name]].concat().join(" ");
    (!resource.is_empty()).then_some(resource)
}

/// The name or ARN at the start of a word, without what follows it. A placeholder such as
/// `<account>` is part of an ARN. Without a reason after it, another field of a log can follow.
fn token(word: &str, ends_at_field: bool) -> &str {
    let word = word.trim_start_matches(['"', '\'', '(', '[']);
    let mut end = word.len();
    let mut closing = None;
    for (at, c) in word.char_indices() {
        if closing.is_some() {
            if closing == Some(c) {
                closing = None;
            }
            continue;
        }
        let pair = match c {
            '<' => Some('>'),
            '{' => Some('}'),
            '[' => Some(']'),
            _ => None,
        };
        let inside = word[..at].ends_with([':', '/', '-', '$']) && word.starts_with("arn:");
        match pair {
            Some(close) if inside && word[at..].contains(close) => closing = Some(close),
            Some(_) if c != '[' => end = at,
            _ if "\"'<>{}|\\".contains(c) || ('\u{2500}'..='\u{259f}').contains(&c) => end = at,
            _ if ends_at_field && starts_another_field(word, at) => end = at,
            _ => continue,
        }
        if closing.is_none() {
            break;
        }
    }
    trim_closing(&word[..end])
}

/// Whether a comma separates the token from the next field, as in `role/x,code=AccessDenied`.
fn starts_another_field(word: &str, at: usize) -> bool {
    let Some(rest) = word[at..].strip_prefix(',').filter(|_| at > 0) else {
        return false;
    };
    let name = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '"');
    name.len() < rest.len() && name.starts_with(['=', ':'])
}

/// A token without the punctuation that ends a sentence or closes brackets around it.
fn trim_closing(token: &str) -> &str {
    let mut token = token;
    loop {
        let shorter = token.trim_end_matches(['.', ',', ';', ':', '!']);
        let shorter = match shorter.chars().last() {
            Some(')') if !shorter.contains('(') => &shorter[..shorter.len() - 1],
            Some(']') if !shorter.contains('[') => &shorter[..shorter.len() - 1],
            _ => shorter,
        };
        if shorter == token {
            return token;
        }
        token = shorter;
    }
}
