//! Turns of each sort.

use std::time::Duration;

use dax_provisioner::domain::inventory::{Item, ResourceKind};
use dax_provisioner::domain::problems::fault::{Fault, FaultClass};
use dax_provisioner::domain::spec::ClusterSpec;
use dax_provisioner::domain::verdict::{Findings, Verdict};
use dax_provisioner::domain::waiting::WaitingFor;
use dax_provisioner::store::{SentCall, SentOutcome, TurnReport};
use serde_json::json;

use crate::support::requests::{plain_spec, unmanaged_role};

use super::{Held, Records};

pub const NEXT: Verdict = Verdict::Next { skipped: false };

pub fn of(verdict: Verdict) -> TurnReport {
    TurnReport {
        verdict,
        findings: Findings::default(),
        sent: None,
        undo_steps: Vec::new(),
    }
}

pub fn wait(fault: Option<Fault>) -> TurnReport {
    of(Verdict::Again {
        after: Duration::from_secs(30),
        waiting_for: Some(WaitingFor::Aws),
        fault,
    })
}

/// The same for a turn that changes its cluster.
pub fn with_details(report: TurnReport) -> TurnReport {
    let details = json!({ "tags": { "team": "orders" } });
    let findings = Findings {
        details: Some(serde_json::from_value(details).unwrap()),
        ..Findings::default()
    };
    TurnReport { findings, ..report }
}

/// The report of a call that was sent, with the resource it created if it took effect.
async fn sent(records: &Records, held: &Held, outcome: SentOutcome) -> TurnReport {
    let mutation = unmanaged_role("role", "/");
    let intent = records
        .store
        .open_intent(&held.claim, &held.task, &mutation);
    let intent_id = intent.await.unwrap();
    let role = Item::managed(
        ResourceKind::Role,
        "role",
        Some("arn:aws:iam::1:role/role".to_owned()),
        held.claim.operation_id,
    );
    let again = Verdict::Again {
        after: Duration::ZERO,
        waiting_for: None,
        fault: None,
    };
    let findings = match outcome {
        SentOutcome::Applied => Findings::of(role),
        SentOutcome::Rejected | SentOutcome::Unknown => Findings::default(),
    };
    TurnReport {
        findings,
        sent: Some(SentCall {
            intent_id,
            description: mutation.summary(),
            outcome,
        }),
        ..of(again)
    }
}

/// Held operations whose turn read something: the cluster, the effect of a call, and that of a call that
/// was sent again.
async fn reads(records: &Records, prefix: &str) -> Vec<(Held, TurnReport)> {
    let same = "version = version";
    let name = format!("{prefix}-observed");
    let observed = records.claim(&name, same).await;
    let seen = json!({ "status": "creating", "nodes": [] });
    let findings = Findings {
        observed: Some(serde_json::from_value(seen).unwrap()),
        details: Some(serde_json::from_value(json!({ "tags": { "team": "orders" } })).unwrap()),
        desired: Some(Box::new(ClusterSpec {
            replication_factor: 7,
            ..plain_spec(&name)
        })),
        ..Findings::default()
    };
    let settled = records.claim(&format!("{prefix}-settled"), same).await;
    let intent = sent(records, &settled, SentOutcome::Unknown).await.sent;
    let settles = Findings {
        settled_intents: vec![intent.unwrap().intent_id],
        ..Findings::default()
    };
    let again = records.claim(&format!("{prefix}-again"), same).await;
    sent(records, &again, SentOutcome::Unknown).await;
    let applied = sent(records, &again, SentOutcome::Applied).await;
    let with = |findings| TurnReport {
        findings,
        ..wait(None)
    };
    vec![
        (observed, with(findings)),
        (settled, with(settles)),
        (again, applied),
    ]
}

/// A held operation of each sort, with a report.
pub async fn sorts(records: &Records, prefix: &str) -> Vec<(Held, TurnReport)> {
    let last = "current_position = 9, current_step = 'await_available'";
    let same = "version = version";
    let mut all = Vec::new();
    for (sort, change, report) in [
        ("next", same, of(NEXT)),
        ("skip", same, of(Verdict::Next { skipped: true })),
        ("wait", same, wait(None)),
        ("retried", same, wait(None)),
        (
            "fault",
            same,
            wait(Some(Fault::new(FaultClass::Transient, "late"))),
        ),
        ("end", last, of(NEXT)),
        (
            "failed",
            &format!("{last}, ending = 'failed', status = 'rolling_back'"),
            of(NEXT),
        ),
    ] {
        let held = records.claim(&format!("{prefix}-{sort}"), change).await;
        if sort == "retried" {
            // A claim answers the requests before it.
            let retry = sqlx::query("update operations set retry_requested = true where id = $1");
            let retry = retry.bind(held.claim.operation_id);
            retry.execute(&records.env.pool).await.unwrap();
        }
        all.push((held, report));
    }
    for (sort, outcome) in [
        ("applied", SentOutcome::Applied),
        ("rejected", SentOutcome::Rejected),
        ("unknown", SentOutcome::Unknown),
    ] {
        let held = records.claim(&format!("{prefix}-{sort}"), same).await;
        let report = sent(records, &held, outcome).await;
        all.push((held, report));
    }
    all.extend(reads(records, prefix).await);
    let name = format!("{prefix}-blocked");
    let held = records.claim(&name, same).await;
    let blocked = of(Verdict::Block {
        fault: Fault::new(FaultClass::Conflict, "no"),
        recheck_after: Some(Duration::ZERO),
        waiting_for: WaitingFor::Operator,
    });
    records.record(&held, &blocked).await.unwrap();
    all.push((records.claim_again(&name).await, of(NEXT)));
    all
}
