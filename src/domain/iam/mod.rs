//! IAM: policy documents, trust policies, denials and the statements that fix them.

pub mod alteration;
pub mod arn;
pub mod denial;
pub mod policies;
pub mod remedy;
pub mod service_role;
pub mod trust;
