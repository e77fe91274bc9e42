//! DynamoDB's DescribeTable.
//!
//! The sandbox holds no data. Until somebody puts a table (`Sandbox::put_table`, or `PUT /_sandbox/tables/{name}`) every
//! lawful name is a table; from then on only those that were put are.

mod describe_table;

use crate::turn::Operation;

/// Everything that DynamoDB is asked for by name.
pub(crate) static OPERATIONS: [Operation; 1] = [Operation::json_read(
    "DescribeTable",
    "dynamodb:DescribeTable",
    describe_table::describe_table,
)];
