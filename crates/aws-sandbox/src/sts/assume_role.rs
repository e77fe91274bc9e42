//! AssumeRole: creates temporary credentials, which the sandbox accepts until they expire.

use serde::Serialize;

use crate::authorization::AccessRequest;
use crate::clock::{after, iso_seconds};
use crate::identity::Session;
use crate::policy::document::Document;
use crate::policy::principal::Trust;
use crate::state::iam::Role;
use crate::state::{Change, unique_id};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;
use crate::wire::xml::element;

/// Longest session policy (STS API reference, AssumeRole).
const POLICY_CHARACTERS_MAX: usize = 2_048;
/// Longest session of a role that a session assumes (IAM user guide, "Role chaining").
const CHAINED_SECONDS_MAX: u32 = 3_600;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumedRoleUser {
    assumed_role_id: String,
    arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRoleResult {
    credentials: Credentials,
    assumed_role_user: AssumedRoleUser,
    session_token_utilization: usize,
}

pub(super) fn assume_role(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let (arn, name, seconds) = read(form)?;
    let (role, trust) = trusted_role(turn, arn, form).unzip();
    // In another account the trust policy alone is not enough.
    let granted = trust.filter(|_| turn.caller.account_id() == turn.account_id());
    let access = AccessRequest {
        conditions: conditions(form),
        ..AccessRequest::on("sts:AssumeRole", arn)
    };
    turn.authorize_trusted(&access, granted)?;
    let policies = session_policies(turn, form)?;
    let role = role.ok_or_else(|| denied(turn, arn))?;
    if seconds > role.max_session_seconds {
        let message =
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(ServiceFault::new("ValidationError", message));
    }
    if turn.caller.arn.contains(":assumed-role/") && seconds > CHAINED_SECONDS_MAX {
        let message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed \
            by role chaining";
        return Err(ServiceFault::new("ValidationError", message));
    }
    let session = Session {
        account_id: turn.account_id().to_owned(),
        access_key_id: unique_id("ASIA", 16),
        secret: unique_id("", 20) + &unique_id("", 20),
        token: unique_id("sandbox", 25) + &unique_id("", 25),
        role_name: role.name.clone(),
        role_id: role.id.clone(),
        session_name: name.to_owned(),
        policies,
        expires_at: after(turn.now, f64::from(seconds)),
    };
    let result = response(turn, &session);
    turn.change(Change::Session(Box::new(session)));
    result
}

/// The role ARN, the session name and the duration in seconds, within the limits of the model.
fn read(form: &Form) -> Result<(&str, &str, u32), ServiceFault> {
    let arn = form.text("RoleArn").unwrap_or_default();
    if !arn.starts_with("arn:") || arn.len() < 20 {
        return Err(invalid("ARN must be a valid ARN", "roleArn", arn));
    }
    let account_and_role = arn
        .strip_prefix("arn:")
        .and_then(|rest| rest.split_once(":iam::"));
    let is_role = account_and_role.is_some_and(|(_, rest)| {
        rest.split_once(":role/")
            .is_some_and(|(account, name)| account.len() == 12 && !name.is_empty())
    });
    if !is_role {
        return Err(ServiceFault::new(
            "ValidationError",
            format!("{arn} is invalid"),
        ));
    }
    let name = form.text("RoleSessionName").unwrap_or_default();
    let has_valid_characters = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c));
    if !has_valid_characters || !(2..=64).contains(&name.len()) {
        let rule = "Member must satisfy regular expression pattern: [\\w+=,.@-]{2,64}";
        return Err(invalid(rule, "roleSessionName", name));
    }
    let sent = form.text("DurationSeconds").unwrap_or("3600");
    let seconds = sent
        .parse()
        .ok()
        .filter(|seconds| (900..=43_200).contains(seconds));
    let seconds = seconds.ok_or_else(|| {
        invalid(
            "Member must be between 900 and 43200",
            "durationSeconds",
            sent,
        )
    })?;
    Ok((arn, name, seconds))
}

fn response(turn: &Turn<'_>, session: &Session) -> Result<String, ServiceFault> {
    let (role, name) = (&session.role_name, &session.session_name);
    let result = AssumeRoleResult {
        // AWS packs policies in an undocumented way; this is their share of the allowed characters.
        session_token_utilization: session
            .policies
            .iter()
            .flatten()
            .map(String::len)
            .sum::<usize>()
            * 100
            / POLICY_CHARACTERS_MAX,
        credentials: Credentials {
            access_key_id: session.access_key_id.clone(),
            secret_access_key: session.secret.clone(),
            session_token: session.token.clone(),
            expiration: iso_seconds(session.expires_at),
        },
        assumed_role_user: AssumedRoleUser {
            assumed_role_id: format!("{}:{name}", session.role_id),
            arn: format!(
                "arn:aws:sts::{}:assumed-role/{role}/{name}",
                turn.account_id()
            ),
        },
    };
    element("AssumeRoleResult", &result)
}

fn invalid(rule: &str, member: &str, value: &str) -> ServiceFault {
    let message = format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {rule}"
    );
    ServiceFault::new("ValidationError", message)
}

/// The condition keys of the call (IAM user guide, "Available keys for AWS STS").
fn conditions(form: &Form) -> Vec<(String, Vec<String>)> {
    let keys = [
        ("sts:externalid", "ExternalId"),
        ("sts:rolesessionname", "RoleSessionName"),
    ];
    keys.into_iter()
        .filter_map(|(key, member)| Some((key.to_owned(), vec![form.text(member)?.to_owned()])))
        .collect()
}

/// The role, if it exists and its trust policy admits the caller.
fn trusted_role<'a>(turn: &Turn<'a>, arn: &str, form: &Form) -> Option<(&'a Role, Trust)> {
    let role = turn.state.role_by_arn(arn)?;
    let policy = Document::parse_trust(&role.trust).ok()?;
    let caller = turn.caller;
    let mut context = turn.context();
    context.extend(conditions(form));
    let trust = policy.trust_in(&caller.arn, caller.account_id(), &context)?;
    Some((role, trust))
}

/// AWS's error, which is the same for a role that does not exist and for one without trust.
fn denied(turn: &Turn<'_>, arn: &str) -> ServiceFault {
    let message = format!(
        "User: {} is not authorized to perform: sts:AssumeRole on resource: {arn}",
        turn.caller.arn
    );
    ServiceFault::new("AccessDenied", message)
}

/// The inline session policy and the managed ones, if any were sent.
fn session_policies(turn: &Turn<'_>, form: &Form) -> Result<Option<Vec<String>>, ServiceFault> {
    let mut policies = Vec::new();
    if let Some(policy) = form.text("Policy") {
        if policy.len() > POLICY_CHARACTERS_MAX {
            let rule = "Member must have length less than or equal to 2048";
            return Err(invalid(rule, "policy", policy));
        }
        Document::parse_identity(policy)
            .map_err(|fault| ServiceFault::new("MalformedPolicyDocument", fault.message))?;
        policies.push(policy.to_owned());
    }
    for descriptor in form.list("PolicyArns", Some("member")) {
        let arn = descriptor.text("arn").unwrap_or_default();
        let policy = turn.state.policies.get(arn);
        let missing = || ServiceFault::new("NoSuchEntity", format!("Policy {arn} was not found."));
        policies.push(policy.ok_or_else(missing)?.document().to_owned());
    }
    Ok(if policies.is_empty() {
        None
    } else {
        Some(policies)
    })
}
