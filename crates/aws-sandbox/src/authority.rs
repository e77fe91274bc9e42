//! Asking whether the caller may do something, and wording the refusal.

use crate::policy::denial_text::denial_message;
use crate::policy::evaluate::{Context, Decision, Denial, Request, evaluate};
use crate::state::Tag;
use crate::turn::Turn;
use crate::wire::codes;
use crate::wire::fault::ServiceFault;
use crate::wire::service::Service;

/// One question: may the caller do `action` on `resource`?
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    /// Such as `iam:CreateRole`.
    pub(crate) action: &'a str,
    /// The ARN that policies are matched against, or `*`.
    pub(crate) resource: &'a str,
    /// How the refusal names the resource, where it does: `role <name>`, an ARN.
    pub(crate) shown: Option<&'a str>,
    /// Condition keys of this question, beyond those every call has.
    pub(crate) conditions: Vec<(String, Vec<String>)>,
}

impl<'a> Ask<'a> {
    /// An action without a resource of its own, on `*`.
    pub(crate) fn anywhere(action: &'a str) -> Ask<'a> {
        Ask {
            action,
            resource: "*",
            shown: None,
            conditions: Vec::new(),
        }
    }

    /// An action on a resource that the refusal names by its ARN.
    pub(crate) fn on(action: &'a str, resource: &'a str) -> Ask<'a> {
        Ask {
            action,
            resource,
            shown: Some(resource),
            conditions: Vec::new(),
        }
    }

    /// An action on a resource that the refusal names in other words.
    pub(crate) fn on_shown(action: &'a str, resource: &'a str, shown: &'a str) -> Ask<'a> {
        Ask {
            action,
            resource,
            shown: Some(shown),
            conditions: Vec::new(),
        }
    }

    /// With one more condition key.
    #[must_use]
    pub(crate) fn with(mut self, key: &str, value: &str) -> Ask<'a> {
        self.conditions
            .push((key.to_ascii_lowercase(), vec![value.to_owned()]));
        self
    }

    /// With the keys of tags that the request brings.
    #[must_use]
    pub(crate) fn requesting_tags(mut self, tags: &[Tag]) -> Ask<'a> {
        if tags.is_empty() {
            return self;
        }
        for tag in tags {
            let key = format!("aws:requesttag/{}", tag.key.to_ascii_lowercase());
            self.conditions.push((key, vec![tag.value.clone()]));
        }
        self.tag_keys(tags.iter().map(|tag| tag.key.clone()).collect())
    }

    /// With the names of the tags that the request is about.
    #[must_use]
    pub(crate) fn tag_keys(mut self, keys: Vec<String>) -> Ask<'a> {
        self.conditions.push(("aws:tagkeys".to_owned(), keys));
        self
    }

    /// With the tags that the resource has already; `service` gives them under its own prefix as well.
    #[must_use]
    pub(crate) fn resource_tags(mut self, service: Service, tags: &[Tag]) -> Ask<'a> {
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
    /// Whether the caller may; if not, the refusal as the service at hand words it.
    pub(crate) fn authorize(&mut self, ask: &Ask<'_>) -> Result<(), ServiceFault> {
        let denial = match self.rules.denies(ask.action, self.now) {
            true => Denial::NoIdentityPolicy,
            false => match self.decide(ask) {
                Decision::Allowed => return Ok(()),
                Decision::Denied(denial) => denial,
            },
        };
        let message = denial_message(&self.caller.arn, ask.action, ask.shown, Some(&denial));
        Err(codes::denied(self.service, &message))
    }

    fn decide(&self, ask: &Ask<'_>) -> Decision {
        let mut context = self.context();
        context.extend(ask.conditions.iter().cloned());
        let request = Request {
            action: ask.action,
            resource: ask.resource,
            context: &context,
        };
        evaluate(&self.caller.permissions.authority(), &request)
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
        add("aws:principalaccount", self.account_id().to_owned());
        add("aws:principaltype", kind.to_owned());
        add("aws:userid", self.caller.user_id.clone());
        add("aws:requestedregion", region.to_owned());
        // The sandbox stands for endpoints that are reached by HTTPS, and policies refuse anything else.
        add("aws:securetransport", "true".to_owned());
        add("aws:sourceip", "127.0.0.1".to_owned());
        add("aws:viaawsservice", "false".to_owned());
        add("aws:currenttime", self.now.to_rfc3339());
        add("aws:epochtime", self.now.timestamp().to_string());
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
