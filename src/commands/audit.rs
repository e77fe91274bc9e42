//! `audit`: prints all audit records and seals, and verifies them.

use std::io::{BufWriter, Write};

use anyhow::{Context, bail};

use crate::config::Secret;
use crate::domain::audit::{Anchor, AuditKey, Seal, Verification};
use crate::store::AuditReader;

use super::{connect, print_line};

/// Prints records and seals, oldest first: a seal follows the records that it seals.
pub(super) async fn export(url: &Secret) -> anyhow::Result<()> {
    let store = connect(url).await?;
    let mut reader = store.read_audit().await?;
    let mut output = BufWriter::new(std::io::stdout().lock());
    let (mut number, mut position) = (0, 0);
    loop {
        let seals = reader.seals(number).await?;
        if seals.is_empty() {
            break;
        }
        for seal in seals {
            let content = seal.content();
            (number, position) = (content.number, content.last_position);
            let after = content.first_position - 1;
            print_records(&mut reader, &mut output, after, position).await?;
            writeln!(output, "{}", seal.line()).context("cannot write")?;
        }
    }
    print_records(&mut reader, &mut output, position, i64::MAX).await?;
    output.flush().context("cannot write")?;
    store.close().await;
    Ok(())
}

async fn print_records(
    reader: &mut AuditReader,
    output: &mut impl Write,
    mut after: i64,
    through: i64,
) -> anyhow::Result<()> {
    loop {
        let records = reader.records(after, through).await?;
        let Some(last) = records.last() else {
            return Ok(());
        };
        after = last.position;
        for record in records {
            writeln!(output, "{}", record.line()).context("cannot write")?;
        }
    }
}

/// Verifies records and seals. Fails with all faults.
pub(super) async fn verify(
    url: &Secret,
    keys: Vec<AuditKey>,
    anchor: Option<Anchor>,
) -> anyhow::Result<()> {
    let (has_key, has_anchor) = (!keys.is_empty(), anchor.is_some());
    let store = connect(url).await?;
    let mut verification = Verification::new(keys, anchor);
    let unsealed = store.read_audit().await?.verify(&mut verification).await?;
    store.close().await;
    let last = verification.last().map(Seal::anchor);
    let (sealed, pruned) = verification.records();
    let faults = verification.finish();
    if !faults.is_empty() {
        bail!("the audit was changed:\n  {}", faults.join("\n  "));
    }
    print_line(format_args!(
        "valid: {sealed} sealed records, of which retention deleted {pruned}; {unsealed} are not sealed yet"
    ));
    if let Some(last) = last {
        print_line(format_args!("last seal: {last}"));
    }
    if !has_key {
        print_line("no key was given: who can write to the database can also make seals");
    }
    if !has_anchor {
        print_line(
            "no anchor was given: records and seals that were removed at the end are not found",
        );
    }
    Ok(())
}
