//! Simulates the AWS control planes that provision DAX: DAX, IAM, STS, a part of EC2 and DynamoDB's
//! DescribeTable, over their wire protocols on loopback.
//!
//! `Sandbox::open` returns a cheap handle, and `Sandbox::serve` serves HTTP on a listener. The AWS
//! CLI, boto3 and the AWS SDKs work with it unchanged through an endpoint URL. Callers are
//! authenticated by signature and authorized by their IAM policies. The clock can be advanced and
//! faults can be injected. Every change is in an append-only journal before its response is sent.
//!
//! Layers, lowest first: `policy` and `signature` are pure. `state` holds the entities, `journal`
//! persists them. `iam`, `sts`, `dax`, `ec2` and `dynamodb` are the services; they depend on `turn`
//! and not on HTTP. `wire` parses requests and writes responses, and `dispatch` connects it to the
//! services. `sandbox`, `control` and `serve` are the entry points.
#![forbid(unsafe_code)]

mod authenticate;
mod authorization;
mod call_log;
mod clock;
mod control;
mod dax;
mod dispatch;
mod dynamodb;
mod ec2;
mod execute;
mod faults;
mod gates;
mod history;
mod iam;
mod identity;
mod inventory;
mod journal;
mod new_security_group;
mod new_subnet;
mod place;
pub mod policy;
mod rate_limits;
mod sandbox;
mod sandbox_error;
mod serve;
mod settings;
pub mod signature;
mod state;
mod sts;
mod turn;
mod wire;

pub use crate::call_log::CallRecord;
pub use crate::faults::{ActiveFault, FaultKind, FaultRule, UnknownFault};
pub use crate::gates::Hold;
pub use crate::identity::Identity;
pub use crate::inventory::{
    ClusterItem, Inventory, ParameterGroupItem, PolicyItem, RoleItem, SecurityGroupItem,
    SubnetGroupItem, SubnetItem,
};
pub use crate::new_security_group::NewSecurityGroup;
pub use crate::new_subnet::NewSubnet;
pub use crate::rate_limits::{RateLimit, aws_rate_limits};
pub use crate::sandbox::Sandbox;
pub use crate::sandbox_error::SandboxError;
pub use crate::settings::{Quotas, Settings};
