//! DescribeTable.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::authorization::AccessRequest;
use crate::clock::epoch_seconds;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::json::{read, write};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeTableRequest {
    table_name: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeTableResult {
    table: TableView,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct TableView {
    attribute_definitions: [AttributeDefinition; 1],
    table_name: String,
    key_schema: [KeySchemaElement; 1],
    table_status: &'static str,
    creation_date_time: f64,
    table_size_bytes: u64,
    item_count: u64,
    table_arn: String,
    table_id: String,
    billing_mode_summary: BillingModeSummary,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct AttributeDefinition {
    attribute_name: &'static str,
    attribute_type: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeySchemaElement {
    attribute_name: &'static str,
    key_type: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct BillingModeSummary {
    billing_mode: &'static str,
}

pub(super) fn describe_table(turn: &mut Turn<'_>, body: &[u8]) -> Result<Vec<u8>, ServiceFault> {
    let request: DescribeTableRequest = read(body)?;
    let sent = request.table_name.unwrap_or_default();
    let prefix = format!(
        "arn:aws:dynamodb:{}:{}:table/",
        turn.region(),
        turn.account_id()
    );
    let name = sent.strip_prefix(&prefix).unwrap_or(&sent).to_owned();
    let has_valid_characters = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    if !has_valid_characters || !(3..=255).contains(&name.len()) {
        let message = "Invalid table/index name.  Table/index names must be between 3 and 255 characters long, and may \
            contain only the characters a-z, A-Z, 0-9, '_', '-', and '.'";
        return Err(ServiceFault::new("ValidationException", message));
    }
    let arn = format!("{prefix}{name}");
    turn.authorize(&AccessRequest::on("dynamodb:DescribeTable", &arn))?;
    let created_at = match turn.state.tables.get(&name) {
        Some(table) => table.created_at,
        None if turn.state.tables.is_empty() => DateTime::UNIX_EPOCH,
        None => {
            let message = format!("Requested resource not found: Table: {name} not found");
            return Err(ServiceFault::new("ResourceNotFoundException", message));
        }
    };
    write(&DescribeTableResult {
        table: view(name, arn, created_at),
    })
}

fn view(table_name: String, table_arn: String, created_at: DateTime<Utc>) -> TableView {
    let digest = Sha256::digest(&table_arn);
    let id = uuid::Uuid::from_slice(&digest[..16]).unwrap_or_default();
    TableView {
        attribute_definitions: [AttributeDefinition {
            attribute_name: "pk",
            attribute_type: "S",
        }],
        table_name,
        key_schema: [KeySchemaElement {
            attribute_name: "pk",
            key_type: "HASH",
        }],
        table_status: "ACTIVE",
        creation_date_time: epoch_seconds(created_at),
        table_size_bytes: 0,
        item_count: 0,
        table_arn,
        table_id: id.to_string(),
        billing_mode_summary: BillingModeSummary {
            billing_mode: "PAY_PER_REQUEST",
        },
    }
}
