//! One turn: claim, check, intend, act, record.
//!
//! The points between these parts are the only ones where a crash matters, and a test can stop a
//! turn at each of them. Before the intent is committed nothing has happened. Between the intent
//! and the record, the outcome of the call is unknown: a later turn resolves it by reading AWS.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tracing::Instrument;
use uuid::Uuid;

use crate::domain::mutation::Mutation;
use crate::domain::operation::Status;
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::task::Task;
use crate::domain::verdict::{Findings, Verdict};
use crate::domain::waiting::WaitingFor;
use crate::operations::{self, Context, Step, StepOutcome};
use crate::store::{
    Claim, Claimed, Continuation, Next, Recorded, SentCall, SentOutcome, StoreError, TurnReport,
};

use super::decide::{DecisionContext, after_fault, after_waiting, with_undo};
use super::telemetry::{count, ended, log, span};
use super::{Continuing, Worker, quarantine};

/// Lease that must be left for a check's call to be sent: an attempt can take eight seconds.
const LEASE_NEEDED_TO_SEND: Duration = Duration::from_secs(9);
/// Lease that must be left after the intent is committed, so that the call ends within it.
const LEASE_KEPT_FOR_A_CALL: Duration = Duration::from_millis(8_500);
/// Pause after a slow check that has left too little of the lease to send its call.
const TOO_LATE_TO_SEND: Duration = Duration::from_secs(1);
/// Part of the lease that is kept to record the result of a slow check.
const LEASE_KEPT_TO_RECORD: Duration = Duration::from_secs(2);

/// Pause before an unreadable operation is claimed again, perhaps by a newer version.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(10);

/// A point between the parts of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Point {
    /// The operation is claimed.
    Claimed,
    /// The check has ended; nothing is written.
    Checked,
    /// The intent is committed; the call is not sent.
    Intended,
    /// The call has ended; its outcome is not recorded.
    Answered,
    /// The verdict is committed.
    Recorded,
}

/// A test's hook, called at each point with the step's name and the call. A future that never ends
/// simulates a crash of the process at that point.
pub type Probe = Arc<
    dyn Fn(Point, &str, Option<&Mutation>) -> Pin<Box<dyn Future<Output = ()> + Send>>
        + Send
        + Sync,
>;

/// The result of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnResult {
    /// No operation was due.
    Idle,
    /// The turn worked on an operation.
    Worked(TurnSummary),
}

/// What a turn did with its operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnSummary {
    /// The claimed operation.
    pub operation_id: Uuid,
    /// Its status after the turn. `None` if nothing was recorded: the claim was lost, or the step
    /// panicked.
    pub status: Option<Status>,
}

impl Worker {
    /// Takes one turn at the operation that is due first.
    pub async fn turn(&self) -> Result<TurnResult, StoreError> {
        let Some(claimed) = self.claim().await? else {
            return Ok(TurnResult::Idle);
        };
        Ok(self.take_turn(claimed, None).await?.0)
    }

    pub(super) async fn claim(&self) -> Result<Option<Claimed>, StoreError> {
        self.store.claim(&self.claimant).await
    }

    /// Takes one turn at a claimed operation, and returns what the loop works on next.
    pub(super) async fn take_turn(
        &self,
        Claimed { claim, task }: Claimed,
        continuing: Option<Continuing>,
    ) -> Result<(TurnResult, Next<Claimed>), StoreError> {
        // A step whose process ended twice during it runs exclusively, so that another crash
        // interrupts no other turn. After one crash it runs beside others: a process that dies leaves
        // many operations behind, and at most one of them is the cause.
        let exclusive = claim.claims_without_progress > 2;
        let Some(_permit) = self.permit(exclusive).await else {
            self.drop_claim(&claim).await;
            return Ok((TurnResult::Idle, Next::Unknown));
        };
        let span = span(&claim, task.as_ref().ok());
        // A task of its own, so that a panic of the step ends only its turn.
        let turn = self.clone().run_claimed(claim.clone(), task, continuing);
        let recorded = tokio::spawn(turn.instrument(span)).await;
        let operation_id = claim.operation_id;
        let (status, next) = match recorded {
            Ok(Ok(recorded)) => (
                Some(self.wake_after(operation_id, &recorded)),
                recorded.next,
            ),
            Ok(Err(StoreError::Fenced)) => {
                tracing::info!(operation.id = %operation_id,
                    "superseded by another operation or worker; the turn is dropped");
                // The claim can be valid still, if another cluster began to use a rule to remove.
                self.drop_claim(&claim).await;
                (None, Next::Unknown)
            }
            Ok(Err(error)) => {
                // The database failed, not the step: this claim does not count as a crash.
                self.drop_claim(&claim).await;
                return Err(error);
            }
            Err(error) if error.is_panic() => {
                tracing::error!(operation.id = %operation_id,
                    "the step panicked; nothing was recorded");
                let pause =
                    Duration::from_millis(200) * claim.claims_without_progress.unsigned_abs();
                self.store.give_back(&claim, pause, true).await?;
                (None, Next::Unknown)
            }
            Err(_) => (None, Next::Unknown),
        };
        let summary = TurnSummary {
            operation_id,
            status,
        };
        Ok((TurnResult::Worked(summary), next))
    }

    /// Returns a claim that does not count, if it is valid still and the database answers.
    async fn drop_claim(&self, claim: &Claim) {
        let after = Duration::from_millis(200);
        let _ = self.store.give_back(claim, after, false).await;
    }

    async fn run_claimed(
        self,
        claim: Claim,
        task: Result<Task, StoreError>,
        continuing: Option<Continuing>,
    ) -> Result<Recorded, StoreError> {
        let task = match task {
            Err(StoreError::Unreadable { what, detail }) => {
                return self.handle_unreadable(&claim, what, &detail).await;
            }
            read => read?,
        };
        self.reach(Point::Claimed, &task, None).await;
        if quarantine::is_needed(claim.claims_without_progress) {
            let report = report(quarantine::verdict(&task), Findings::default());
            log(&task, &report.verdict);
            count(&report.verdict);
            return self.store.record(&claim, &task, &report, None).await;
        }
        let Some(step) = operations::step(task.kind, &task.step.name) else {
            // A claim requires a known step name, so this one belongs to another kind of operation.
            // A newer version may know it.
            self.store
                .give_back(&claim, Duration::from_secs(60), false)
                .await?;
            return Err(StoreError::Fenced);
        };
        let env = self.env.of_task(&task);
        let context = Context::new(&env, &task);
        let report = self.take_step(&claim, &context, step).await?;
        log(&task, &report.verdict);
        count(&report.verdict);
        let continuing = continuing.filter(|continuing| !continuing.control.must_end());
        let continuation = continuing.map(|continuing| Continuation {
            claimant: Arc::clone(&self.claimant),
            holds: continuing.holds,
        });
        let recorded = self
            .store
            .record(&claim, &task, &report, continuation.as_ref())
            .await?;
        ended(&task, recorded.status);
        self.reach(Point::Recorded, &task, None).await;
        Ok(recorded)
    }

    /// Leaves an operation that this version cannot read to a newer one, and tries again later: it
    /// is never blocked for that, because a deploy can change which versions run.
    async fn handle_unreadable(
        &self,
        claim: &Claim,
        what: &'static str,
        detail: &str,
    ) -> Result<Recorded, StoreError> {
        tracing::error!(operation.id = %claim.operation_id, what, detail,
            "the stored operation cannot be read by this version");
        metrics::counter!("dax_provisioner_unreadable_operations_total").increment(1);
        self.store.leave_unreadable(claim, UNREADABLE_PAUSE).await?;
        Err(StoreError::Fenced)
    }

    async fn take_step(
        &self,
        claim: &Claim,
        context: &Context<'_>,
        step: &Step,
    ) -> Result<TurnReport, StoreError> {
        let timeout = claim.lease_left().saturating_sub(LEASE_KEPT_TO_RECORD);
        let checked = tokio::time::timeout(timeout, (step.check)(context))
            .await
            .unwrap_or_else(|_| {
                Err(Fault::new(
                    FaultClass::Transient,
                    format!("{}: timed out while reading from AWS", step.name),
                ))
            });
        self.reach(Point::Checked, context.task, None).await;
        let decision = DecisionContext::new(context, step, claim);
        Ok(
            match checked.map(|outcome| context.without_early_repeat(outcome)) {
                Ok(StepOutcome::Done(findings)) => report(
                    Verdict::Next { skipped: false },
                    context.without_polled_state(findings),
                ),
                Ok(StepOutcome::Skip) => {
                    report(Verdict::Next { skipped: true }, Findings::default())
                }
                Ok(StepOutcome::CheckAgain {
                    after,
                    waiting_for,
                    findings,
                }) => report(
                    after_waiting(&decision, after, waiting_for).await,
                    context.without_polled_state(findings),
                ),
                Err(fault) => with_undo(
                    context.task,
                    report(
                        after_fault(&decision, fault, None).await,
                        Findings::default(),
                    ),
                ),
                Ok(StepOutcome::Act { .. }) if claim.lease_left() < LEASE_NEEDED_TO_SEND => {
                    // Counted as a fault, so that a step whose reads never leave enough time blocks.
                    let detail = format!(
                        "{}: reading from AWS left too little of the lease to send a call",
                        step.name
                    );
                    let fault = Fault::new(FaultClass::Transient, detail);
                    let verdict = after_fault(&decision, fault, None).await;
                    report(verdict, Findings::default())
                }
                Ok(StepOutcome::Act {
                    mutation,
                    propagating_until,
                }) => {
                    self.send(claim, &decision, &mutation, propagating_until)
                        .await?
                }
            },
        )
    }

    async fn send(
        &self,
        claim: &Claim,
        decision: &DecisionContext<'_>,
        mutation: &Mutation,
        propagating_until: Option<DateTime<Utc>>,
    ) -> Result<TurnReport, StoreError> {
        let context = decision.context;
        send_once_more("call_before_intent", context, mutation).await;
        let intent_id = self
            .store
            .open_intent(claim, context.task, mutation)
            .await?;
        self.reach(Point::Intended, context.task, Some(mutation))
            .await;
        if claim.lease_left() < LEASE_KEPT_FOR_A_CALL
            && !crate::sabotage::is("lease_not_checked_before_call")
        {
            return Ok(report_unsent(decision, intent_id, mutation).await);
        }
        send_once_more("call_sent_twice", context, mutation).await;
        let answer = operations::act(context, mutation).await;
        self.reach(Point::Answered, context.task, Some(mutation))
            .await;
        let description = mutation.summary();
        let sent = |outcome| {
            Some(SentCall {
                intent_id,
                description,
                outcome,
            })
        };
        Ok(match answer {
            Ok(findings) => {
                let again = Verdict::Again {
                    after: Duration::ZERO,
                    waiting_for: None,
                    fault: None,
                };
                TurnReport {
                    sent: sent(SentOutcome::Applied),
                    ..report(again, findings)
                }
            }
            Err(fault) => {
                let outcome = if fault.class.leaves_outcome_unknown()
                    && !crate::sabotage::is("unknown_outcome_closed")
                {
                    SentOutcome::Unknown
                } else {
                    SentOutcome::Rejected
                };
                let verdict = after_fault(decision, fault, propagating_until).await;
                with_undo(
                    context.task,
                    TurnReport {
                        sent: sent(outcome),
                        ..report(verdict, Findings::default())
                    },
                )
            }
        })
    }

    async fn reach(&self, point: Point, task: &Task, mutation: Option<&Mutation>) {
        if let Some(probe) = &self.probe {
            probe(point, &task.step.name, mutation).await;
        }
    }
}

fn report(verdict: Verdict, findings: Findings) -> TurnReport {
    TurnReport {
        verdict,
        findings,
        sent: None,
        undo_steps: Vec::new(),
    }
}

/// A deliberate bug: sends a call outside of its place.
async fn send_once_more(bug: &str, context: &Context<'_>, mutation: &Mutation) {
    if crate::sabotage::is(bug) {
        let _ = operations::act(context, mutation).await;
    }
}

/// The report of a call that was not sent because the process was suspended after the intent.
/// Another worker may claim the operation soon, and a call that was not sent has no effect.
async fn report_unsent(
    decision: &DecisionContext<'_>,
    intent_id: i64,
    mutation: &Mutation,
) -> TurnReport {
    let description = format!(
        "{}: not sent, too little of the lease was left",
        mutation.summary()
    );
    let unsent = SentCall {
        intent_id,
        description,
        outcome: SentOutcome::Rejected,
    };
    let again = after_waiting(decision, TOO_LATE_TO_SEND, WaitingFor::Aws).await;
    TurnReport {
        sent: Some(unsent),
        ..report(again, Findings::default())
    }
}
