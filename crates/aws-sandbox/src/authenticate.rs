//! Authentication: finds the caller by its access key and verifies the signature of the request.

use std::sync::Arc;

use axum::http::request::Parts;
use chrono::Utc;
use sha2::{Digest, Sha256};

use crate::iam::role_permissions;
use crate::identity::{Caller, Permissions, Session};
use crate::place::Place;
use crate::sandbox::{Core, Sandbox};
use crate::signature::{Scope, SignatureFault, verify};
use crate::state::unique_id_of;
use crate::wire::codes;
use crate::wire::fault::ServiceFault;
use crate::wire::service::Service;

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS \
    Secret Access Key and signing method. Consult the service documentation for details.";

/// Returns the caller of a request, or the error with which the service rejects it.
pub(crate) fn authenticate(
    sandbox: &Sandbox,
    service: Service,
    scope: Result<&Scope, &SignatureFault>,
    parts: &Parts,
    body: &[u8],
) -> Result<Caller, ServiceFault> {
    let checked = sandbox.settings().check_signatures;
    let known = match scope {
        Ok(scope) => find(&mut sandbox.core(), &scope.access_key_id),
        Err(fault) if checked => return Err(signature_error(service, fault)),
        Err(_) => None,
    };
    let (credentials, caller) = match known {
        Some(known) => known,
        None if checked => return Err(codes::unknown_key(service)),
        None => find(&mut sandbox.core(), "sandbox").ok_or_else(|| codes::unknown_key(service))?,
    };
    if !checked {
        return Ok(caller);
    }
    if let Some(session) = &credentials.session {
        check_session(service, session, parts, credentials.expired)?;
    }
    check_scope(sandbox, service, scope)?;
    // Clients sign by the machine's clock; the sandbox's clock may have been advanced.
    verify(parts, body, &credentials.secret, Utc::now())
        .map_err(|fault| signature_error(service, &fault))?;
    Ok(caller)
}

struct Credentials {
    secret: String,
    session: Option<Session>,
    expired: bool,
}

fn find(core: &mut Core, access_key_id: &str) -> Option<(Credentials, Caller)> {
    let Some(key) = core.state.keys.get(access_key_id) else {
        return find_session(core, access_key_id);
    };
    let credentials = Credentials {
        secret: key.identity.secret.clone(),
        session: None,
        expired: false,
    };
    let arn = key.identity.arn.clone();
    let user_id = principal_id(&arn);
    Some((
        credentials,
        Caller {
            arn,
            user_id,
            permissions: Arc::clone(&key.permissions),
        },
    ))
}

fn find_session(core: &mut Core, access_key_id: &str) -> Option<(Credentials, Caller)> {
    let now = core.settle();
    let session = core.state.sessions.get(access_key_id)?;
    let account = if session.account_id.is_empty() {
        &core.state.account_id
    } else {
        &session.account_id
    };
    let state = core.state.at(&Place::of_account(account))?;
    let role = state
        .role(&session.role_name)
        .filter(|role| role.id == session.role_id);
    let permissions = match role {
        Some(role) => role_permissions(state, role, session.policies.as_deref()),
        // The role was deleted: its sessions stay valid, but without permissions.
        None => Permissions {
            identity: Vec::new(),
            boundary: None,
            session: None,
            organization: None,
        },
    };
    let (role_name, name) = (&session.role_name, &session.session_name);
    let caller = Caller {
        arn: format!("arn:aws:sts::{account}:assumed-role/{role_name}/{name}"),
        user_id: format!("{}:{name}", session.role_id),
        permissions: Arc::new(permissions),
    };
    let credentials = Credentials {
        secret: session.secret.clone(),
        expired: session.expires_at <= now,
        session: Some(session.clone()),
    };
    Some((credentials, caller))
}

/// The unique ID of a principal, derived from its ARN, so that it is stable.
pub(crate) fn principal_id(arn: &str) -> String {
    if let Some(session) = arn
        .split_once(":assumed-role/")
        .and_then(|(_, rest)| rest.split_once('/'))
    {
        return format!(
            "{}:{}",
            unique_id_of("AROA", &Sha256::digest(session.0)),
            session.1
        );
    }
    unique_id_of("AIDA", &Sha256::digest(arn))
}

fn check_session(
    service: Service,
    session: &Session,
    parts: &Parts,
    expired: bool,
) -> Result<(), ServiceFault> {
    let token = parts.headers.get("x-amz-security-token");
    if token.is_none_or(|token| token.as_bytes() != session.token.as_bytes()) {
        return Err(codes::unknown_key(service));
    }
    if expired {
        Err(codes::expired_token(service))
    } else {
        Ok(())
    }
}

/// Checks that the signature is for this service and, if the service is regional, for a Region of
/// the sandbox. IAM and STS accept any Region: clients with a custom endpoint sign for their own one.
fn check_scope(
    sandbox: &Sandbox,
    service: Service,
    scope: Result<&Scope, &SignatureFault>,
) -> Result<(), ServiceFault> {
    let Ok(scope) = scope else { return Ok(()) };
    if scope.service != service.as_str() {
        let message = format!(
            "Credential should be scoped to correct service: '{}'. ",
            service.as_str()
        );
        return Err(codes::wrong_signature(service, &message));
    }
    let is_regional = matches!(service, Service::Dax | Service::Ec2 | Service::DynamoDb);
    if is_regional
        && !sandbox
            .settings()
            .regions()
            .any(|region| region == scope.region)
    {
        let regions: Vec<&str> = sandbox.settings().regions().collect();
        let message = format!(
            "Credential should be scoped to a valid Region, not '{}': this sandbox is in {}. ",
            scope.region,
            regions.join(", ")
        );
        return Err(codes::wrong_signature(service, &message));
    }
    Ok(())
}

fn signature_error(service: Service, fault: &SignatureFault) -> ServiceFault {
    match fault {
        SignatureFault::Missing => codes::unsigned(service),
        SignatureFault::Incomplete(message) => codes::incomplete_signature(service, message),
        SignatureFault::Mismatch => codes::wrong_signature(service, MISMATCH),
        SignatureFault::Skewed(_) if service == Service::Ec2 => {
            ServiceFault::new("RequestExpired", "Request has expired.")
        }
        SignatureFault::Skewed(message) => codes::wrong_signature(service, message),
    }
}
