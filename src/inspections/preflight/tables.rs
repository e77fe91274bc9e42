//! Whether the tables of a new role are there, in this account and Region.

use futures_util::{StreamExt, stream};

use crate::domain::iam::policies::Tables;
use crate::domain::installation::AwsAccount;
use crate::domain::preflight::{Check, PredictedError};

use super::unanswered;
use crate::inspections::Inspector;
use crate::inspections::plan::Draft;
use crate::inspections::service_role::RoleChoice;

const TABLES: &str = "tables";
/// Tables that are asked about at once: a request may name 500.
const AT_ONCE: usize = 8;

const MISSING: PredictedError = PredictedError::Error {
    service: "dynamodb",
    operation: "DescribeTable",
    code: "ResourceNotFoundException",
    message: "",
};

impl Inspector {
    /// The tables that a new role is to reach.
    pub(super) async fn check_tables(&self, draft: &Draft<'_>) -> Check {
        match draft.role {
            RoleChoice::New {
                tables: Tables::All,
                ..
            } => Check::pass(TABLES, "no table is named"),
            RoleChoice::New {
                tables: Tables::Named(names),
                ..
            } => self.find_evidence(names, draft.ground.place).await,
            RoleChoice::Existing(_)
            | RoleChoice::Found(_)
            | RoleChoice::Unclear { .. }
            | RoleChoice::Unknown(_) => Check::not_checked(
                TABLES,
                "which tables an existing role reaches is for its own policies to say",
            ),
        }
    }

    async fn find_evidence(&self, names: &[String], place: &AwsAccount) -> Check {
        let look = async |name: String| {
            let found = self.aws.table_arn(&name, place).await;
            (name, found)
        };
        let mut answers = stream::iter(names.to_vec()).map(look).buffered(AT_ONCE);
        let (mut missing, mut elsewhere) = (Vec::new(), Vec::new());
        let mut unknown = None;
        while let Some((name, found)) = answers.next().await {
            match found {
                Ok(Some(arn)) if arn == place.table_arn(&name) => {}
                Ok(Some(arn)) => elsewhere.push(arn),
                Ok(None) => missing.push(name),
                Err(fault) => {
                    unknown = Some(unanswered("tables cannot be described", &fault));
                    break;
                }
            }
        }
        let here = format!("in account {} and {}", place.account_id, place.region);
        match (missing.as_slice(), elsewhere.as_slice(), unknown) {
            ([], [], None) => {
                Check::pass(TABLES, format!("all {} tables exist {here}", names.len()))
            }
            ([], [], Some(reason)) => Check::not_checked(TABLES, reason),
            ([], elsewhere, _) => Check::fail(
                TABLES,
                format!("not {here}: {}", elsewhere.join(", ")),
                Some(MISSING),
            ),
            (missing, ..) => Check::fail(
                TABLES,
                format!("there is no such table {here}: {}", missing.join(", ")),
                Some(MISSING),
            ),
        }
    }
}
