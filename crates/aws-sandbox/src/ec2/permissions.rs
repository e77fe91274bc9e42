//! The ingress rules that a request describes, in either of EC2's two notations.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::state::network::{IngressRule, IngressSource, SecurityGroup};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;

/// The rules of `IpPermissions`, or of the older members at the top level of the request.
pub(super) fn read_rules(
    turn: &Turn<'_>,
    group: &SecurityGroup,
    form: &Form,
) -> Result<Vec<IngressRule>, ServiceFault> {
    let permissions = form.list("IpPermissions", None);
    let mut rules = Vec::new();
    if permissions.is_empty() {
        let sources = top_level_sources(turn, group, form)?;
        rules.extend(read_permission(form, sources)?);
    }
    for permission in &permissions {
        let sources = sources_of(turn, group, permission)?;
        rules.extend(read_permission(permission, sources)?);
    }
    Ok(rules)
}

fn missing(message: impl Into<String>) -> ServiceFault {
    ServiceFault::new("MissingParameter", message)
}

fn invalid(message: impl Into<String>) -> ServiceFault {
    ServiceFault::new("InvalidParameterValue", message)
}

type Source = (IngressSource, Option<String>);

fn read_permission(
    permission: &Form,
    sources: Vec<Source>,
) -> Result<Vec<IngressRule>, ServiceFault> {
    let protocol = match permission.text("IpProtocol") {
        None => return Err(missing("The request must contain the parameter ipProtocol")),
        Some("6") => "tcp".to_owned(),
        Some("17") => "udp".to_owned(),
        Some("1") => "icmp".to_owned(),
        Some("58") => "icmpv6".to_owned(),
        Some("-1" | "all") => "-1".to_owned(),
        Some(name) => check_protocol(name)?,
    };
    if sources.is_empty() {
        return Err(missing(
            "Missing source specification: include source security group or CIDR information",
        ));
    }
    let (from_port, to_port) = read_ports(&protocol, permission)?;
    let rule = |(source, description): Source| IngressRule {
        protocol: protocol.clone(),
        from_port,
        to_port,
        source,
        description,
        id: format!("sgr-0{}", &uuid::Uuid::new_v4().simple().to_string()[..16]),
        tags: Vec::new(),
    };
    Ok(sources.into_iter().map(rule).collect())
}

fn check_protocol(name: &str) -> Result<String, ServiceFault> {
    let name = name.to_ascii_lowercase();
    let known =
        matches!(name.as_str(), "tcp" | "udp" | "icmp" | "icmpv6") || name.parse::<u8>().is_ok();
    if known {
        Ok(name)
    } else {
        Err(invalid(format!(
            "Invalid value '{name}' for IP protocol. Unknown protocol."
        )))
    }
}

fn read_ports(
    protocol: &str,
    permission: &Form,
) -> Result<(Option<i32>, Option<i32>), ServiceFault> {
    if protocol == "-1" {
        return Ok((None, None));
    }
    let port = |name: &str| match permission.text(name) {
        None => Err(missing(format!(
            "The request must contain the parameter {name}"
        ))),
        Some(text) => text
            .parse::<i32>()
            .map_err(|_| invalid(format!("Invalid value '{text}' for {name}."))),
    };
    let (from, to) = (port("FromPort")?, port("ToPort")?);
    let has_ports = matches!(protocol, "tcp" | "udp");
    if has_ports && from > to {
        return Err(invalid(
            "Invalid TCP/UDP port range: from port is greater than to port.",
        ));
    }
    if has_ports && (from < 0 || to > 65_535) {
        return Err(invalid(format!(
            "Invalid value '{from}' for portRange. Must be between 0 and 65535."
        )));
    }
    Ok((Some(from), Some(to)))
}

fn sources_of(
    turn: &Turn<'_>,
    group: &SecurityGroup,
    permission: &Form,
) -> Result<Vec<Source>, ServiceFault> {
    let mut sources = Vec::new();
    let description = |source: &Form| source.text("Description").map(str::to_owned);
    for range in permission.list("IpRanges", None) {
        sources.push((
            ipv4_source(range.text("CidrIp").unwrap_or_default())?,
            description(&range),
        ));
    }
    for range in permission.list("Ipv6Ranges", None) {
        sources.push((
            ipv6_source(range.text("CidrIpv6").unwrap_or_default())?,
            description(&range),
        ));
    }
    for list in permission.list("PrefixListIds", None) {
        let id = list.text("PrefixListId").unwrap_or_default();
        sources.push((IngressSource::PrefixList(id.to_owned()), description(&list)));
    }
    for pair in permission.list("Groups", None) {
        let source = group_source(turn, group, pair.text("GroupId"), pair.text("GroupName"))?;
        sources.push((source, description(&pair)));
    }
    Ok(sources)
}

fn top_level_sources(
    turn: &Turn<'_>,
    group: &SecurityGroup,
    form: &Form,
) -> Result<Vec<Source>, ServiceFault> {
    let mut sources = Vec::new();
    if let Some(cidr) = form.text("CidrIp") {
        sources.push((ipv4_source(cidr)?, None));
    }
    if let Some(name) = form.text("SourceSecurityGroupName") {
        sources.push((group_source(turn, group, None, Some(name))?, None));
    }
    Ok(sources)
}

fn ipv4_source(cidr: &str) -> Result<IngressSource, ServiceFault> {
    let parts = cidr.split_once('/').and_then(|(address, bits)| {
        Some((
            address.parse::<Ipv4Addr>().ok()?,
            bits.parse::<u32>().ok().filter(|bits| *bits <= 32)?,
        ))
    });
    let (address, bits) =
        parts.ok_or_else(|| invalid(format!("CIDR block {cidr} is malformed")))?;
    // AWS stores the network address and drops the host bits.
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    Ok(IngressSource::Cidr(format!(
        "{}/{bits}",
        Ipv4Addr::from_bits(address.to_bits() & mask)
    )))
}

fn ipv6_source(cidr: &str) -> Result<IngressSource, ServiceFault> {
    let parts = cidr.split_once('/').and_then(|(address, bits)| {
        Some((
            address.parse::<Ipv6Addr>().ok()?,
            bits.parse::<u32>().ok().filter(|bits| *bits <= 128)?,
        ))
    });
    let (address, bits) =
        parts.ok_or_else(|| invalid(format!("CIDR block {cidr} is malformed")))?;
    let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
    Ok(IngressSource::Ipv6Cidr(format!(
        "{}/{bits}",
        Ipv6Addr::from_bits(address.to_bits() & mask)
    )))
}

fn group_source(
    turn: &Turn<'_>,
    group: &SecurityGroup,
    id: Option<&str>,
    name: Option<&str>,
) -> Result<IngressSource, ServiceFault> {
    let groups = turn.state.security_groups.values();
    let mut found = groups.filter(|other| match (id, name) {
        (Some(id), _) => other.id == id,
        (None, Some(name)) => other.name == name && other.vpc_id == group.vpc_id,
        (None, None) => false,
    });
    let requested = id
        .or(name)
        .ok_or_else(|| missing("Source group ID missing."))?;
    match found.next() {
        Some(source) => Ok(IngressSource::SecurityGroup(source.id.clone())),
        None => Err(ServiceFault::new(
            "InvalidGroup.NotFound",
            format!("The security group '{requested}' does not exist"),
        )),
    }
}
