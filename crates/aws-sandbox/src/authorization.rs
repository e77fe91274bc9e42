//! Authorization: whether the caller may perform an action, and the service's error if not.

use crate::policy::denial_text::denial_message;
use crate::policy::evaluate::{Context, Decision, Denial, Request, evaluate_trusted};
use crate::policy::principal::Trust;
use crate::state::Tag;
use crate::turn::Turn;
use crate::wire::codes;
use crate::wire::fault::ServiceFault;
use crate::wire::service::Service;

/// An action on a resource, with its condition keys, for which the caller needs permission.
#[derive(Debug)]
pub(crate) struct AccessRequest<'a> {
    /// Such as `iam:CreateRole`.
    pub(crate) action: &'a str,
    /// The ARN that policies are matched against, or `*`.
    pub(crate) resource: &'a str,
    /// How the error message names the resource, if it does: `role <name>` or an ARN.
    pub(crate) shown: Option<&'a str>,
    /// Condition keys beyond those that every call has.
    pub(crate) conditions: Vec<(String, Vec<String>)>,
}

impl<'a> AccessRequest<'a> {
    /// An action that has no resource type, on `*`.
    pub(crate) fn anywhere(action: &'a str) -> AccessRequest<'a> {
        AccessRequest {
            action,
            resource: "*",
            shown: None,
            conditions: Vec::new(),
        }
    }

    /// An action on a resource that the error message names by its ARN.
    pub(crate) fn on(action: &'a str, resource: &'a str) -> AccessRequest<'a> {
        AccessRequest {
            action,
            resource,
            shown: Some(resource),
            conditions: Vec::new(),
        }
    }

    /// An action on a resource that the error message names as `shown`.
    pub(crate) fn on_shown(
        action: &'a str,
        resource: &'a str,
        shown: &'a str,
    ) -> AccessRequest<'a> {
        AccessRequest {
            action,
            resource,
            shown: Some(shown),
            conditions: Vec::new(),
        }
    }

    /// Adds a condition key with one value.
    #[must_use]
    pub(crate) fn with(mut self, key: &str, value: &str) -> AccessRequest<'a> {
        self.conditions
            .push((key.to_ascii_lowercase(), vec![value.to_owned()]));
        self
    }

    /// Adds `aws:RequestTag/*` and `aws:TagKeys` for the tags of the request.
    #[must_use]
    pub(crate) fn requesting_tags(mut self, tags: &[Tag]) -> AccessRequest<'a> {
        if tags.is_empty() {
            return self;
        }
        for tag in tags {
            let key = format!("aws:requesttag/{}", tag.key.to_ascii_lowercase());
            self.conditions.push((key, vec![tag.value.clone()]));
        }
        self.tag_keys(tags.iter().map(|tag| tag.key.clone()).collect())
    }

    /// Adds the condition key `aws:TagKeys`.
    #[must_use]
    pub(crate) fn tag_keys(mut self, keys: Vec<String>) -> AccessRequest<'a> {
        self.conditions.push(("aws:tagkeys".to_owned(), keys));
        self
    }

    /// Adds the resource's tags as `aws:ResourceTag/*` and under the prefix of `service`.
    #[must_use]
    pub(crate) fn resource_tags(mut self, service: Service, tags: &[Tag]) -> AccessRequest<'a> {
        for tag in tags {
            let key = tag.key.to_ascii_lowercase();
            self.conditions
                .push((format!("aws:resourcetag/{key}"), vec![tag.value.clone()]));
            self.conditions.push((
                format!("{}:resourcetag/{key}", service.as_str()),
                vec![tag.value.clone()],
            ));
        }
        self
    }
}

impl Turn<'_> {
    /// Checks that the caller has permission; if not, returns the called service's error.
    pub(crate) fn authorize(&mut self, access: &AccessRequest<'_>) -> Result<(), ServiceFault> {
        self.authorize_trusted(access, None)
    }

    /// The same for a role that the caller would assume, with what its trust policy grants.
    pub(crate) fn authorize_trusted(
        &mut self,
        access: &AccessRequest<'_>,
        trust: Option<Trust>,
    ) -> Result<(), ServiceFault> {
        let denial =
            match self
                .rules
                .denies(access.action, &self.state.account_id, self.current_time)
            {
                true => Denial::NoIdentityPolicy,
                false => match self.decide(access, trust) {
                    Decision::Allowed => return Ok(()),
                    Decision::Denied(denial) => denial,
                },
            };
        let message = denial_message(&self.caller.arn, access.action, access.shown, Some(&denial));
        Err(codes::denied(self.service, &message))
    }

    fn decide(&self, access: &AccessRequest<'_>, trust: Option<Trust>) -> Decision {
        let mut context = self.context();
        context.extend(access.conditions.iter().cloned());
        let request = Request {
            action: access.action,
            resource: access.resource,
            context: &context,
        };
        evaluate_trusted(&self.caller.permissions.authority(), &request, trust)
    }

    /// The condition keys that every call has.
    pub(crate) fn context(&self) -> Context {
        let region = match self.service {
            Service::Iam | Service::Sts => "us-east-1",
            Service::Dax | Service::Ec2 | Service::DynamoDb => self.region(),
        };
        let kind = if self.caller.arn.contains(":assumed-role/") {
            "AssumedRole"
        } else {
            "User"
        };
        let mut context = Context::new();
        let mut add = |key: &str, value: String| context.insert(key.to_owned(), vec![value]);
        add("aws:principalarn", principal_arn(&self.caller.arn));
        add("aws:principalaccount", self.caller.account_id().to_owned());
        add("aws:principaltype", kind.to_owned());
        add("aws:userid", self.caller.user_id.clone());
        add("aws:requestedregion", region.to_owned());
        // The sandbox stands for HTTPS endpoints, and policies often deny other transports.
        add("aws:securetransport", "true".to_owned());
        add("aws:sourceip", "127.0.0.1".to_owned());
        add("aws:viaawsservice", "false".to_owned());
        add("aws:currenttime", self.current_time.to_rfc3339());
        add("aws:epochtime", self.current_time.timestamp().to_string());
        if let Some(name) = self
            .caller
            .arn
            .split_once(":user/")
            .and_then(|(_, name)| name.rsplit('/').next())
        {
            add("aws:username", name.to_owned());
        }
        context
    }
}

/// `aws:PrincipalArn` of a session is the ARN of its role.
fn principal_arn(arn: &str) -> String {
    let Some((head, session)) = arn.split_once(":assumed-role/") else {
        return arn.to_owned();
    };
    let role = session.split('/').next().unwrap_or(session);
    format!("{}:role/{role}", head.replacen(":sts:", ":iam:", 1))
}
