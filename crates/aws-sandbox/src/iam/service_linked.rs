//! The service-linked role of DAX: `AWSServiceRoleForDAX`.

use serde::Serialize;

use crate::authorization::AccessRequest;
use crate::iam::aws_policies::DAX_SERVICE_ROLE_POLICY_ARN;
use crate::iam::constraints::Constraints;
use crate::iam::views::RoleView;
use crate::state::iam::Role;
use crate::state::{Change, unique_id};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;
use crate::wire::xml::element;

const NAME: &str = "AWSServiceRoleForDAX";
const PATH: &str = "/aws-service-role/dax.amazonaws.com/";
const SERVICE: &str = "dax.amazonaws.com";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"dax.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

fn arn(turn: &Turn<'_>) -> String {
    format!("arn:aws:iam::{}:role{PATH}{NAME}", turn.account_id())
}

fn authorize(turn: &mut Turn<'_>, service: &str) -> Result<(), ServiceFault> {
    let arn = arn(turn);
    turn.authorize(
        &AccessRequest::on("iam:CreateServiceLinkedRole", &arn).with("iam:AWSServiceName", service),
    )
}

fn new_role(turn: &Turn<'_>, description: Option<String>) -> Role {
    Role {
        name: NAME.to_owned(),
        path: PATH.to_owned(),
        id: unique_id("AROA", 17),
        arn: arn(turn),
        created_at: turn.now,
        trust: TRUST.to_owned(),
        description,
        max_session_seconds: 3600,
        boundary: None,
        tags: Vec::new(),
        attached: vec![DAX_SERVICE_ROLE_POLICY_ARN.to_owned()],
        inline: std::collections::BTreeMap::new(),
        assumable_at: turn.now,
        service_linked: true,
    }
}

/// Creates the role if it is missing, as DAX does for its caller. The caller needs the permission.
pub(crate) fn ensure_service_linked_role(turn: &mut Turn<'_>) -> Result<(), ServiceFault> {
    if turn.state.role(NAME).is_some() {
        return Ok(());
    }
    authorize(turn, SERVICE)?;
    let role = new_role(turn, None);
    turn.change(Change::Role(Box::new(role)));
    Ok(())
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RoleResult {
    role: RoleView,
}

pub(super) fn create_service_linked_role(
    turn: &mut Turn<'_>,
    form: &Form,
) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let service = constraints.name("AWSServiceName", 128);
    let description = constraints.description(true);
    constraints.finish()?;
    authorize(turn, service)?;
    let invalid = |message: String| Err(ServiceFault::new("InvalidInput", message));
    if service != SERVICE {
        return invalid(format!(
            "This sandbox supports the service-linked role of {SERVICE} only, not of {service}."
        ));
    }
    if form.text("CustomSuffix").is_some() {
        return invalid(format!("Custom suffix is not allowed for {SERVICE}"));
    }
    if turn.state.role(NAME).is_some() {
        let message = format!(
            "Service role name {NAME} has been taken in this account, please try a different suffix."
        );
        return invalid(message);
    }
    let role = new_role(turn, description);
    let result = element(
        "CreateServiceLinkedRoleResult",
        &RoleResult {
            role: RoleView::full(&role),
        },
    );
    turn.change(Change::Role(Box::new(role)));
    result
}
