//! `[targets.NAME]`: the AWS accounts and Regions, and how the service gets into each.

use std::collections::BTreeMap;

use crate::domain::iam::arn::{
    EXTERNAL_ID_RULE, is_account_id, is_boundary, is_external_id, is_iam_arn,
};
use crate::domain::iam::policies::Access;
use crate::domain::partitions::partition_of;
use crate::domain::target::TargetName;

use super::faults::Faults;
use super::files::ORGANISATION;
use super::table::Table;

/// A target of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetEntry {
    /// The account, if the file names it.
    pub account_id: Option<String>,
    /// The Region.
    pub region: String,
    /// The role to assume; `None` for the process's own credentials.
    pub role: Option<AssumedRole>,
    /// ARN of the permissions boundary of roles that the service creates; `None` is a decision.
    pub permissions_boundary: Option<String>,
    /// Access of a new role, if a request names none and the account has none.
    pub default_access: Option<Access>,
}

/// The role of the target account that the service assumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumedRole {
    /// Its ARN.
    pub arn: String,
    /// The external ID that its trust policy asks for. It is no secret.
    pub external_id: String,
}

/// Reads the tables below `targets`.
pub(super) fn read(file: &mut Table, faults: &mut Faults) -> BTreeMap<TargetName, TargetEntry> {
    let tables = file.tables("targets", faults);
    if tables.is_empty() {
        faults.add(
            ORGANISATION,
            "targets",
            "must have at least one target, `[targets.NAME]`",
        );
    }
    let mut targets = BTreeMap::new();
    for (name, table) in tables {
        let parsed = TargetName::parse(&name);
        if let Err(rule) = &parsed {
            table.fault("", format!("the name {}", rule.detail), faults);
        }
        let entry = entry(table, faults);
        if let (Ok(name), Some(entry)) = (parsed, entry) {
            targets.insert(name, entry);
        }
    }
    check_together(&targets, faults);
    targets
}

fn entry(mut table: Table, faults: &mut Faults) -> Option<TargetEntry> {
    let parse_region = |text: &str| partition_of(text).map(|_| text.to_owned());
    let has_region = table.has("region");
    let region = table.parsed(
        "region",
        "must be a Region, such as us-east-1",
        parse_region,
        faults,
    );
    if !has_region {
        table.fault(
            "region",
            "is not set; name the Region of the clusters",
            faults,
        );
    }
    let parse_account = |text: &str| is_account_id(text).then(|| text.to_owned());
    let account_id = table.parsed("account_id", "must be 12 digits", parse_account, faults);
    let role = role(&mut table, account_id.as_deref(), faults);
    let boundary = boundary(&mut table, faults);
    let default_access = table.take("default_access", faults);
    table.finish(faults);
    Some(TargetEntry {
        account_id,
        region: region?,
        role: role?,
        permissions_boundary: boundary?,
        default_access,
    })
}

/// The role to assume, `Some(None)` without one. It needs the account and an external ID.
fn role(
    table: &mut Table,
    account_id: Option<&str>,
    faults: &mut Faults,
) -> Option<Option<AssumedRole>> {
    let has_role = table.has("assume_role_arn");
    let arn = table.parsed(
        "assume_role_arn",
        "must be the ARN of a role, such as arn:aws:iam::123456789012:role/dax-provisioner",
        |text| is_iam_arn(text, "role/").then(|| text.to_owned()),
        faults,
    );
    let has_external_id = table.has("external_id");
    let parse = |text: &str| is_external_id(text).then(|| text.to_owned());
    let external_id = table.parsed("external_id", EXTERNAL_ID_RULE, parse, faults);
    if !has_role {
        if has_external_id {
            table.fault("external_id", "needs `assume_role_arn`", faults);
        }
        return Some(None);
    }
    if !has_external_id {
        let rule = "is not set; `dax-provisioner target template` draws one";
        table.fault("external_id", rule, faults);
    }
    let arn = arn?;
    match account_id {
        None => table.fault("account_id", "must be set for a role to assume", faults),
        Some(id) if arn.split(':').nth(4) != Some(id) => {
            table.fault("assume_role_arn", "must be a role of `account_id`", faults);
        }
        Some(_) => {}
    }
    let external_id = external_id?;
    Some(Some(AssumedRole { arn, external_id }))
}

/// The boundary; `Some(None)` for `none`. An operator must decide.
fn boundary(table: &mut Table, faults: &mut Faults) -> Option<Option<String>> {
    if !table.has("permissions_boundary") {
        let rule = "is not set; create the policy that `policy --boundary` prints and set its ARN, or \
                    set \"none\" to let the service's credentials become administrator of the account";
        table.fault("permissions_boundary", rule, faults);
        return None;
    }
    let rule = "must be the ARN of a customer managed policy outside of the path of this service, or \
                \"none\"";
    let parse = |text: &str| match text {
        "none" => Some(None),
        arn => is_boundary(arn).then(|| Some(arn.to_owned())),
    };
    table.parsed("permissions_boundary", rule, parse, faults)
}

/// What two targets must not share, and what they must.
fn check_together(targets: &BTreeMap<TargetName, TargetEntry>, faults: &mut Faults) {
    let place = |name: &TargetName, key: &str| format!("targets.{name}.{key}");
    let mut before: Vec<(&TargetName, &TargetEntry)> = Vec::new();
    for (name, entry) in targets {
        for (other_name, other) in &before {
            let same_account = (&entry.account_id, entry.role.is_some())
                == (&other.account_id, other.role.is_some())
                || (entry.account_id.is_some() && entry.account_id == other.account_id);
            if same_account && entry.region == other.region {
                let rule = format!("must not be account and Region of target {other_name}");
                faults.add(ORGANISATION, &place(name, "region"), rule);
            }
        }
        if let Some((first, other)) = before.first()
            && partition_of(&entry.region) != partition_of(&other.region)
        {
            let rule = format!("must be in the partition of target {first}");
            faults.add(ORGANISATION, &place(name, "region"), rule);
        }
        let boundary = entry.permissions_boundary.as_deref();
        if let (Some(id), Some(boundary)) = (&entry.account_id, boundary)
            && boundary.split(':').nth(4) != Some(id)
        {
            let rule = "must be a policy of `account_id`";
            faults.add(ORGANISATION, &place(name, "permissions_boundary"), rule);
        }
        before.push((name, entry));
    }
}
