//! The resources of an account that the escalation tests use.

/// A call of IAM, or what is special about it, and its input.
pub type Row = (&'static str, &'static [(&'static str, &'static str)]);

/// A policy that allows every action.
pub const ALLOW_ALL: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
/// A trust policy that admits every principal of the account.
pub const TRUST_ACCOUNT: &str = concat!(
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","#,
    r#""Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}]}"#,
);

/// A role as this service creates it.
pub const MANAGED_ROLE: &str = "dax-orders-abcdefghij";
/// A role with the path and name of a managed role, but without the boundary.
pub const UNBOUNDED_ROLE: &str = "dax-loose-abcdefghij";
/// A policy as this service creates it.
pub const MANAGED_POLICY: &str =
    "arn:aws:iam::123456789012:policy/dax-provisioner/dax-orders-abcdefghij";
pub const WIDE_POLICY: &str = "arn:aws:iam::123456789012:policy/Wide";
pub const BOUNDARY: &str = "arn:aws:iam::123456789012:policy/dax-provisioner-boundary";
pub const ADMINISTRATOR_ACCESS: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
pub const ADMIN_ROLE: &str = "arn:aws:iam::123456789012:role/Admin";
