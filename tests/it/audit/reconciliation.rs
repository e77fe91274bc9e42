//! The records of calls to AWS, compared with the journal of the sandbox.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::test_env::TestEnv;

/// The records of calls by intent: what the first one says, and the decisions of both.
fn pairs(records: &[Value]) -> BTreeMap<i64, (String, Vec<String>)> {
    let mut pairs: BTreeMap<i64, (String, Vec<String>)> = BTreeMap::new();
    for record in records {
        let Some(intent) = record["intent"].as_i64() else {
            continue;
        };
        let text = |member: &str| record[member].as_str().unwrap_or_default().to_owned();
        let operation = text("operation_id");
        let call = format!(
            "{} {} {} {operation}",
            text("action"),
            text("subject"),
            text("cluster")
        );
        let pair = pairs
            .entry(intent)
            .or_insert_with(|| (call.clone(), Vec::new()));
        assert_eq!(pair.0, call, "intent {intent}");
        pair.1.push(text("decision"));
    }
    pairs
}

/// Checks that each call that the service sent has its two records, that nothing else has, and that
/// each accepted operation has one. With `crashes`, calls of a worker that crashed can be missing in
/// the journal. Returns the number of calls, and that of records about something else.
pub async fn check(env: &TestEnv, crashes: bool) -> (usize, usize) {
    let records = env.audit().await;
    let pairs = pairs(&records);
    let mut by_action: BTreeMap<String, (usize, usize, usize)> = BTreeMap::new();
    for (intent, (call, decisions)) in &pairs {
        assert_eq!(decisions.len(), 2, "{intent} {call}: {decisions:?}");
        assert_eq!(decisions[0], "intended", "{intent} {call}");
        let action = call.split(' ').next().unwrap().to_owned();
        let counts = by_action.entry(action).or_default();
        counts.0 += 1;
        counts.1 += usize::from(decisions[1] == "applied");
    }
    let mut sent = 0;
    for call in env.service_calls().into_iter().filter(|call| call.mutating) {
        by_action.entry(call.operation.into_owned()).or_default().2 += 1;
        sent += 1;
    }
    for (action, (recorded, applied, journal)) in &by_action {
        if crashes {
            assert!(
                recorded >= journal && applied <= journal,
                "{action}: {by_action:#?}"
            );
        } else {
            assert_eq!(recorded, journal, "{action}: {by_action:#?}");
        }
    }
    let operations: Vec<(uuid::Uuid,)> = sqlx::query_as("select id from operations")
        .fetch_all(&env.pool)
        .await
        .unwrap();
    let ids: BTreeSet<String> = operations.iter().map(|(id,)| id.to_string()).collect();
    let accepted = records.iter().filter(|record| {
        record["intent"].is_null()
            && record["decision"] == "accepted"
            && record["action"] != "retry"
    });
    let accepted: BTreeSet<String> = accepted
        .filter_map(|record| record["operation_id"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(accepted, ids);
    println!(
        "{sent} calls, {} pairs, {} records",
        pairs.len(),
        records.len()
    );
    assert!(sent > 30, "{sent}");
    (sent, records.len() - 2 * pairs.len())
}
