//! Places: the accounts of a sandbox, and their Regions. IAM and STS belong to an account, the other
//! services to an account and a Region.

use crate::wire::service::Service;

/// The account of a call and, for a regional service, its Region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) account_id: String,
    /// Empty for IAM and STS.
    pub(crate) region: String,
}

impl Place {
    /// The IAM of an account.
    pub(crate) fn of_account(account_id: &str) -> Place {
        Place {
            account_id: account_id.to_owned(),
            region: String::new(),
        }
    }

    /// Where a service of an account keeps its resources.
    pub(crate) fn of(service: Service, account_id: &str, region: &str) -> Place {
        match service {
            Service::Iam | Service::Sts => Place::of_account(account_id),
            Service::Dax | Service::Ec2 | Service::DynamoDb => Place {
                account_id: account_id.to_owned(),
                region: region.to_owned(),
            },
        }
    }

    pub(crate) fn is_account(&self) -> bool {
        self.region.is_empty()
    }
}
