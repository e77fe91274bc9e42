//! A stand-in for the AWS control planes that provision DAX: DAX, IAM, STS, a part of EC2 and DynamoDB's
//! DescribeTable, over the real wire protocols on loopback.
//!
//! It knows nothing of whoever calls it. `Sandbox::open` gives a cheap handle; `Sandbox::serve` answers HTTP on a
//! listener; the AWS CLI, boto3 and the AWS SDKs talk to it unchanged through an endpoint URL. Callers are
//! authenticated by signature and authorised by their IAM policies, time has its own clock, faults come on demand, and
//! every change is in an append-only journal before its answer is sent.
//!
//! Floors, from below: `policy` and `signature` are pure; `state` holds the entities and `journal` keeps them; `iam`,
//! `sts`, `dax`, `ec2` and `dynamodb` are the services, which see a `turn` and never HTTP; `wire` reads and writes HTTP;
//! `dispatch` joins them; `sandbox`, `control` and `serve` are the doors.
#![forbid(unsafe_code)]

mod authenticate;
mod authority;
mod call_log;
mod carry_out;
mod clock;
mod control;
mod dax;
mod dispatch;
mod dynamodb;
mod ec2;
mod faults;
mod gates;
mod iam;
mod identity;
mod inventory;
mod journal;
mod new_security_group;
mod new_subnet;
pub mod policy;
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
pub use crate::sandbox::Sandbox;
pub use crate::sandbox_error::SandboxError;
pub use crate::settings::{Quotas, Settings};
