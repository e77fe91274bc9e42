//! Callers with limited rights, over HTTP.

use std::collections::BTreeMap;

use dax_provisioner::authorization::{Policies, ProjectRules, Rules};
use dax_provisioner::domain::project::ProjectName;
use dax_provisioner::store::TokenRights;

use crate::support::api::ApiClient;
use crate::support::test_env::TestEnv;

pub mod approvals;
mod assigned;
mod denials;
mod documented;
mod hidden;
mod limits;
mod matrix;
mod questions;

fn project(name: &str) -> ProjectName {
    ProjectName::parse(name).unwrap()
}

/// The built-in policies, and one role that the project `payments` may use.
pub fn built_in(service_roles: &[&str]) -> Rules {
    let listed = ProjectRules {
        service_roles: service_roles.iter().map(|&arn| arn.to_owned()).collect(),
    };
    Rules {
        hash: Some("hash".to_owned()),
        policies: Some(Policies::built_in()),
        projects: BTreeMap::from([(project("payments"), listed)]),
        ..Rules::default()
    }
}

/// The built-in policies and these.
pub fn with_policies(text: &str) -> Rules {
    let files = [
        ("built_in.cedar", dax_provisioner::authorization::BUILT_IN),
        ("own.cedar", text),
    ];
    Rules {
        policies: Some(Policies::parse(&files).unwrap()),
        ..built_in(&[])
    }
}

fn rights(groups: &[&str], projects: &[&str]) -> TokenRights {
    TokenRights {
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        projects: projects.iter().map(|name| project(name)).collect(),
        acts_for: false,
    }
}

impl TestEnv {
    /// Makes the client send requests as a caller of this name with these rights.
    pub async fn act_as(
        &self,
        api: &mut ApiClient,
        name: &str,
        groups: &[&str],
        projects: &[&str],
    ) {
        api.token = Some(self.token_with(name, rights(groups, projects)).await);
    }
}
