//! Check of the DynamoDB tables of a new service role.

use futures_util::{StreamExt, stream};

use crate::domain::iam::policies::Tables;
use crate::domain::installation::AwsAccount;
use crate::domain::preflight::{Check, PredictedError};

use super::reason;
use crate::inspections::Inspector;
use crate::inspections::plan::Draft;
use crate::inspections::service_role::RoleChoice;

const TABLES: &str = "tables";
/// Number of concurrent `DescribeTable` calls. A request can name 500 tables.
const CONCURRENCY: usize = 8;

const MISSING: PredictedError = PredictedError::Error {
    service: "dynamodb",
    operation: "DescribeTable",
    code: "ResourceNotFoundException",
    message: "",
};

impl Inspector {
    /// Checks that the tables of a new role exist in this account and Region.
    pub(super) async fn check_tables(&self, draft: &Draft<'_>) -> Check {
        match draft.role {
            RoleChoice::New {
                tables: Tables::All,
                ..
            } => Check::pass(TABLES, "the request names no table"),
            RoleChoice::New {
                tables: Tables::Named(names),
                ..
            } => self.check_named_tables(names, draft.context.account).await,
            RoleChoice::Existing(_)
            | RoleChoice::Discovered(_)
            | RoleChoice::Ambiguous { .. }
            | RoleChoice::Unknown(_) => {
                Check::left_out(TABLES, "the policies of an existing role are not read")
            }
        }
    }

    async fn check_named_tables(&self, names: &[String], account: &AwsAccount) -> Check {
        let read = async |name: String| {
            let arn = self.aws.table_arn(&name, account).await;
            (name, arn)
        };
        let mut arns = stream::iter(names.to_vec()).map(read).buffered(CONCURRENCY);
        let (mut missing, mut elsewhere) = (Vec::new(), Vec::new());
        let mut unknown = None;
        while let Some((name, arn)) = arns.next().await {
            match arn {
                Ok(Some(arn)) if arn == account.table_arn(&name) => {}
                Ok(Some(arn)) => elsewhere.push(arn),
                Ok(None) => missing.push(name),
                Err(fault) => {
                    unknown = Some(fault);
                    break;
                }
            }
        }
        let here = format!("in account {} and {}", account.account_id, account.region);
        match (missing.as_slice(), elsewhere.as_slice(), unknown) {
            ([], [], None) => {
                Check::pass(TABLES, format!("all {} tables exist {here}", names.len()))
            }
            ([], [], Some(fault)) => {
                Check::unread(TABLES, reason("could not read the tables", &fault), &fault)
            }
            ([], elsewhere, _) => Check::fail(
                TABLES,
                format!("these tables are not {here}: {}", elsewhere.join(", ")),
                Some(MISSING),
            ),
            (missing, ..) => Check::fail(
                TABLES,
                format!("no such table {here}: {}", missing.join(", ")),
                Some(MISSING),
            ),
        }
    }
}
