//! The permissions of a role: attached and inline policies, limited by its boundary.

use crate::identity::Permissions;
use crate::policy::document::Document;
use crate::state::State;
use crate::state::iam::Role;

/// The permissions of a session of the role. Its documents were validated when they were stored.
pub(crate) fn role_permissions(
    state: &State,
    role: &Role,
    session: Option<&[String]>,
) -> Permissions {
    let read = |text: &str| Document::parse_inline(text).ok();
    let managed = |arn: &str| {
        state
            .policies
            .get(arn)
            .and_then(|policy| read(policy.document()))
    };
    let attached = role.attached.iter().filter_map(|arn| managed(arn));
    let inline = role.inline.values().filter_map(|document| read(document));
    Permissions {
        identity: attached.chain(inline).collect(),
        boundary: role.boundary.as_deref().and_then(managed),
        session: session.map(|policies| {
            policies
                .iter()
                .filter_map(|document| read(document))
                .collect()
        }),
        organization: None,
    }
}
