//! DynamoDB's DescribeTable.
//!
//! The sandbox holds no data. Every valid table name exists until the first table is created by
//! `Sandbox::put_table` or `PUT /_sandbox/tables/{name}`; from then on only created tables exist.

mod describe_table;

use crate::turn::Operation;

pub(crate) static OPERATIONS: [Operation; 1] = [Operation::json_read(
    "DescribeTable",
    "dynamodb:DescribeTable",
    describe_table::describe_table,
)];
