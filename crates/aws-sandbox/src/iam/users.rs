//! GetUser. Users exist only as callers of the sandbox.

use serde::Serialize;

use crate::authenticate::principal_id;
use crate::authorization::AccessRequest;
use crate::clock::iso_seconds;
use crate::iam::constraints::Constraints;
use crate::iam::names::no_such_entity;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;
use crate::wire::xml::element;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UserView {
    path: String,
    user_name: String,
    user_id: String,
    arn: String,
    create_date: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetUserResult {
    user: UserView,
}

/// The path and name in the ARN of a user.
fn user_of(arn: &str) -> Option<(String, &str)> {
    let (_, name) = arn.split_once(":user/")?;
    match name.rsplit_once('/') {
        Some((path, name)) => Some((format!("/{path}/"), name)),
        None => Some(("/".to_owned(), name)),
    }
}

pub(super) fn get_user(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let name = match form.text("UserName") {
        Some(_) => {
            let mut constraints = Constraints::of(form);
            let name = constraints.name("UserName", 128).to_owned();
            constraints.finish()?;
            name
        }
        None => match user_of(&turn.caller.arn) {
            Some((_, name)) => name.to_owned(),
            None => {
                let message = "Must specify userName when calling with non-User credentials";
                return Err(ServiceFault::new("ValidationError", message));
            }
        },
    };
    let account = format!(":{}:user/", turn.account_id());
    let arns = turn
        .first
        .keys
        .values()
        .map(|key| key.identity.arn.as_str());
    let known = arns
        .filter(|arn| arn.contains(&account))
        .filter(|arn| user_of(arn).is_some_and(|(_, user)| user == name))
        .min()
        .map(str::to_owned);
    let arn = known
        .clone()
        .unwrap_or_else(|| format!("arn:aws:iam::{}:user/{name}", turn.account_id()));
    turn.authorize(&AccessRequest::on_shown(
        "iam:GetUser",
        &arn,
        &format!("user {name}"),
    ))?;
    let missing = || no_such_entity(format!("The user with name {name} cannot be found."));
    let arn = known.ok_or_else(missing)?;
    let (path, _) = user_of(&arn).ok_or_else(missing)?;
    let user = UserView {
        path,
        user_id: principal_id(&arn),
        // An identity has no creation date, but IAM's response requires one.
        create_date: iso_seconds(chrono::DateTime::UNIX_EPOCH),
        user_name: name,
        arn,
    };
    element("GetUserResult", &GetUserResult { user })
}
