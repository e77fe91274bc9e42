//! The record of a turn of an operation that continues, in one statement.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::domain::inventory::Item;
use crate::domain::operation::{Status, StepStatus};
use crate::domain::problems::fault::Fault;
use crate::domain::task::Task;
use crate::domain::verdict::Verdict;
use crate::domain::waiting::WaitingFor;

use super::{Recorded, SentOutcome, TurnReport, attempt_outcome, fault_event, step_event};
use crate::store::claims::waiting_for_name;
use crate::store::events::Event;
use crate::store::rows::{self, to_json};
use crate::store::{Claim, Store, StoreError};

/// How an operation continues.
pub(super) struct Progress<'a> {
    step: StepStatus,
    after: Duration,
    waiting_for: Option<WaitingFor>,
    fault: Option<&'a Fault>,
}

impl<'a> Progress<'a> {
    /// `None` if the operation was blocked, or ends, blocks or rolls back.
    pub(super) fn of(task: &Task, report: &'a TurnReport) -> Option<Self> {
        if task.status == Status::Blocked {
            return None;
        }
        match &report.verdict {
            Verdict::Next { skipped } if !task.step.is_last => Some(Self {
                step: if *skipped {
                    StepStatus::Skipped
                } else {
                    StepStatus::Succeeded
                },
                after: Duration::ZERO,
                waiting_for: None,
                fault: None,
            }),
            Verdict::Again {
                after,
                waiting_for,
                fault,
            } => Some(Self {
                step: StepStatus::Running,
                after: *after,
                waiting_for: *waiting_for,
                fault: fault.as_ref(),
            }),
            Verdict::Next { .. } | Verdict::Block { .. } | Verdict::RollBack { .. } => None,
        }
    }

    fn events(&self, task: &Task, report: &TurnReport) -> Vec<Event> {
        let mut events = Vec::new();
        if task.step.timeout_from.is_none() {
            events.push(step_event(task, "step_started", "started"));
        }
        if let Some(sent) = &report.sent
            && sent.outcome == SentOutcome::Applied
        {
            events.push(Event::plain("call_succeeded", sent.description.clone()));
        }
        match self.step {
            StepStatus::Skipped => events.push(step_event(task, "step_skipped", "skipped")),
            StepStatus::Succeeded => events.push(step_event(task, "step_succeeded", "finished")),
            StepStatus::Pending
            | StepStatus::Running
            | StepStatus::Blocked
            | StepStatus::Failed
            | StepStatus::Undone => {}
        }
        if let Some(fault) = self.fault {
            events.push(fault_event(task, "attempt_failed", fault));
        }
        events
    }
}

/// The rows of the inventory to write, one for each resource: of several findings the last counts.
fn items(found: &[Item]) -> Value {
    let rows: BTreeMap<_, _> = found
        .iter()
        .map(|item| ((item.kind, item.name.as_str()), item))
        .collect();
    let row = |item: &&Item| {
        json!({
            "operation_id": item.operation_id,
            "kind": item.kind.as_str(),
            "name": item.name,
            "arn": item.arn,
            "owner": item.owner.as_str(),
            "presence": item.presence.as_str(),
            "reason": item.reason,
        })
    };
    rows.values().map(row).collect()
}

impl Store {
    pub(super) async fn record_progress(
        &self,
        claim: &Claim,
        task: &Task,
        report: &TurnReport,
        progress: &Progress<'_>,
    ) -> Result<Recorded, StoreError> {
        let findings = &report.findings;
        let sent = report.sent.as_ref();
        let outcome = sent.and_then(|sent| sent.outcome.as_str());
        let closed = sent.filter(|_| outcome.is_some());
        let (kinds, messages, data) = Event::columns(progress.events(task, report));
        // The response to a call is newer than the reads of the turn that sent it.
        let read_order = sent.is_none().then_some(task.read_order);
        let recorded = sqlx::query_file!(
            "src/store/sql/record_progress.sql",
            claim.operation_id,
            claim.epoch,
            claim.owner,
            task.step.position,
            closed.map(|sent| sent.intent_id),
            outcome,
            &findings.settled_intents,
            progress.step.is_done(),
            task.read_order,
            items(&findings.inventory),
            findings.observed.as_ref().map(to_json),
            findings.details.as_ref().map(to_json),
            findings.desired.as_ref().map(to_json),
            read_order,
            attempt_outcome(task, report, Status::Running),
            sent.map(|sent| sent.description.as_str()),
            progress.fault.map(to_json),
            progress.step.as_str(),
            progress.waiting_for == Some(WaitingFor::AwsRateLimit),
            progress.step.is_done(),
            task.step.undo,
            waiting_for_name(progress.waiting_for),
            progress.after.as_secs_f64(),
            &kinds,
            &messages,
            &data
        )
        .fetch_optional(&self.pool)
        .await?
        .ok_or(StoreError::Fenced)?;
        let wakes_after = if recorded.retry_requested {
            Duration::ZERO
        } else {
            progress.after
        };
        Ok(Recorded {
            status: rows::status(&recorded.status)?,
            wakes_after: Some(wakes_after),
        })
    }
}
