//! What must hold after a run.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use crate::api::{Api, is_finished};
use crate::arena::Arena;
use crate::aws::{SERVICE_ARN, TARGETS};
use crate::settle::{items, names};
use crate::watch::Observers;
use crate::workload::text;

const OPERATIONS: &str = "select id::text, kind, cluster_name, status, superseded_by::text,
    created_at::text, finished_at::text, requested_by from operations order by created_at";
const INTENTS: &str = "select operation_id::text, call, target, mutation::text as mutation
    from intents order by id";
/// Calls that one operation sent again although it had the answer. One whose answer it never had is `settled`.
const ANSWERED_TWICE: &str = "select operation_id::text, action, subject, count(*) as answers
    from audit_records where decision = 'applied' and action = 'dax:RebootNode'
    group by 1, 2, 3 having count(*) > 1";
const EVENTS: &str = "select e.operation_id::text as id, e.sequence, e.type, f.position
    from operation_events e left join event_feed f using (operation_id, sequence)
    order by f.position";
const LEFT: &str = "select name, arn, presence, owner from inventory";

/// The inventory of every Region, once the clusters that were made by hand are available.
pub(crate) async fn first_inventories(arena: &Arena) -> Result<Vec<Value>> {
    loop {
        let inventories = inventories(arena).await?;
        let is_available = |cluster: &Value| text(cluster, "status") == "available";
        let are_available = |one: &Value| items(one, "clusters").all(is_available);
        if inventories.iter().all(are_available) {
            return Ok(inventories);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The inventory of every Region.
async fn inventories(arena: &Arena) -> Result<Vec<Value>> {
    let mut inventories = Vec::new();
    for (_, region) in TARGETS {
        inventories.push(arena.sandbox.inventory(region).await?);
    }
    Ok(inventories)
}

/// Every accepted operation has ended, and every operation was accepted by a client.
pub(crate) async fn nothing_lost(arena: &Arena, api: &Api, may_lose: bool) -> Result<usize> {
    let operations = arena.database.lock().await.rows(OPERATIONS).await?;
    let by_id: HashMap<&str, &Value> = operations
        .iter()
        .map(|row| (text(row, "id"), row))
        .collect();
    let ledger = api.ledger();
    let mut lost = 0;
    for (id, accepted) in &ledger.accepted {
        let status = by_id.get(id.as_str()).map(|row| text(row, "status"));
        match status {
            None => {
                lost += 1;
                if !may_lose {
                    arena.violation(format!("lost: {id} {accepted} is not in the database"));
                }
            }
            Some(status) if !is_finished(status) => {
                arena.violation(format!("unsettled: {id} {accepted} is {status}"));
            }
            Some(_) => {}
        }
    }
    for operation in &operations {
        let id = text(operation, "id");
        let by_client = text(operation, "requested_by").starts_with("token:");
        if by_client && !ledger.accepted.contains_key(id) {
            arena.violation(format!("doubled: no client knows {operation}"));
        }
    }
    for violation in &ledger.violations {
        arena.violation(violation.clone());
    }
    Ok(lost)
}

/// Each event is in the feed once, in the order of its operation, and the feed never changed.
pub(crate) async fn feed_is_whole(arena: &Arena, observers: &Observers) -> Result<()> {
    let events = arena.database.lock().await.rows(EVENTS).await?;
    let mut last: HashMap<&str, i64> = HashMap::new();
    let mut expected = Vec::new();
    for (at, event) in events.iter().enumerate() {
        let (id, sequence) = (text(event, "id"), event["sequence"].as_i64().unwrap_or(-1));
        let position = event["position"].as_i64();
        if position != i64::try_from(at + 1).ok() {
            arena.violation(format!(
                "out of order: event {event} should have position {}",
                at + 1
            ));
            break;
        }
        if sequence != last.insert(id, sequence).unwrap_or(0) + 1 {
            arena.violation(format!("out of order: event {event}"));
        }
        expected.push((id.to_owned(), sequence));
    }
    let observed = observers.observed();
    let seen: Vec<(String, i64)> = observed
        .feed
        .iter()
        .map(|(_, id, sequence)| (id.clone(), *sequence))
        .collect();
    if let Some(at) =
        (0..expected.len().max(seen.len())).find(|&at| seen.get(at) != expected.get(at))
    {
        let (seen, expected) = (seen.get(at), expected.get(at));
        arena.violation(format!(
            "out of order: reader of the feed saw {seen:?} for {expected:?}"
        ));
    }
    Ok(())
}

/// Each end of an operation was delivered.
pub(crate) async fn webhooks_delivered(arena: &Arena, observers: &Observers) -> Result<usize> {
    let operations = arena.database.lock().await.rows(OPERATIONS).await?;
    let observed = observers.observed();
    let mut repeated = 0;
    for operation in &operations {
        let event = format!("operation.{}", text(operation, "status"));
        let key = (text(operation, "id").to_owned(), event);
        match observed.deliveries.get(&key) {
            None => arena.violation(format!("lost: no webhook for the end of {operation}")),
            Some(times) => repeated += times - 1,
        }
    }
    Ok(repeated)
}

/// Every effect in AWS has an intent, and no operation rebooted a node again after an answer.
pub(crate) async fn effects_have_intents(arena: &Arena, observers: &Observers) -> Result<usize> {
    let intents = arena.database.lock().await.rows(INTENTS).await?;
    let mut by_call: HashMap<&str, Vec<&Value>> = HashMap::new();
    for intent in &intents {
        by_call
            .entry(text(intent, "call"))
            .or_default()
            .push(intent);
    }
    // The effects of each call on each target.
    let mut effects: BTreeMap<(String, String), usize> = BTreeMap::new();
    for call in &observers.observed().effects {
        if text(call, "caller") == SERVICE_ARN {
            let key = (
                text(call, "call").to_owned(),
                text(call, "target").to_owned(),
            );
            *effects.entry(key).or_default() += 1;
        }
    }
    for ((call, target), count) in &effects {
        let quoted = format!("\"{target}\"");
        let of_call = by_call.get(call.as_str()).into_iter().flatten();
        let matching: Vec<&Value> = of_call
            .copied()
            .filter(|intent| {
                text(intent, "target") == target || text(intent, "mutation").contains(&quoted)
            })
            .collect();
        let what = format!("{call} {target}");
        if matching.is_empty() {
            arena.violation(format!("orphaned: {count} effects without intent: {what}"));
        }
        // A reboot is repeated, with an intent of its own, if nothing shows whether it took effect: its
        // answer was lost, and it ended between two reads. Every other effect shows.
        if call == "dax:RebootNode" && *count > matching.len() {
            let intents = matching.len();
            arena.violation(format!(
                "doubled: {count} reboots for {intents} intents: {what}"
            ));
        }
    }
    for repeated in arena.database.lock().await.rows(ANSWERED_TWICE).await? {
        arena.violation(format!("doubled: {repeated}"));
    }
    Ok(effects.values().sum())
}

/// What exists in AWS after every cluster was deleted was there before, or was left on purpose.
pub(crate) async fn nothing_orphaned(arena: &Arena, before: &[Value]) -> Result<()> {
    let rows = arena.database.lock().await.rows(LEFT).await?;
    let left: BTreeSet<&str> = rows
        .iter()
        .filter(|row| text(row, "presence") == "left" || text(row, "owner") == "external")
        .map(|row| text(row, "name"))
        .collect();
    let after = inventories(arena).await?;
    for (before, after) in before.iter().zip(&after) {
        let known = names(before);
        for (kind, name) in names(after) {
            let is_known = known.contains(&(kind.clone(), name.clone()));
            if !is_known && !left.contains(name.as_str()) {
                arena.violation(format!("orphaned: {kind} {name}"));
            }
        }
        for kind in [
            "roles",
            "policies",
            "clusters",
            "subnet_groups",
            "parameter_groups",
        ] {
            for item in items(before, kind) {
                let same = items(after, kind).find(|other| other["name"] == item["name"]);
                if same != Some(item) {
                    arena.violation(format!("foreign touched: {kind} {item} is now {same:?}"));
                }
            }
        }
    }
    for row in rows.iter().filter(|row| text(row, "presence") == "present") {
        arena.violation(format!("orphaned: the inventory still has {row}"));
    }
    Ok(())
}

/// The history of an operation that a violation names.
pub(crate) async fn history(arena: &Arena, violation: &str) -> Result<Vec<Value>> {
    let is_id = |word: &&str| word.len() == 36 && word.matches('-').count() == 4;
    let word = violation.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let Some(id) = word.into_iter().find(is_id) else {
        return Ok(Vec::new());
    };
    let query = format!(
        "select at::text, 'event' as what, type as name, message as detail from operation_events
            where operation_id = '{id}'
        union all select opened_at::text, 'intent', call, target || ' ' || coalesce(outcome, 'open')
            || ' epoch ' || epoch from intents where operation_id = '{id}'
        union all select finished_at::text, 'attempt', outcome, coalesce(fault::text, '') from attempts
            where operation_id = '{id}'
        order by 1"
    );
    arena.database.lock().await.rows(&query).await
}
