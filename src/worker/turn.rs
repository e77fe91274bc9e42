//! One turn: claim, look, intend, act, record. This one function reaches every place where a crash matters.

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
use crate::operations::{self, Context, Step, StepOutcome, plan};
use crate::store::{Claim, Recorded, SentCall, SentOutcome, StoreError, TurnReport};

use super::Worker;
use super::decide::{DecisionContext, after_fault, after_waiting};

/// No call is sent with less of the lease left: an attempt may take eight seconds.
const LEASE_NEEDED_TO_SEND: Duration = Duration::from_secs(9);
/// After the intent is committed, a call is sent only if it surely ends within the lease.
const LEASE_KEPT_FOR_A_CALL: Duration = Duration::from_millis(8_500);
/// Pause when a slow look has left too little of the lease to send a call.
const TOO_LATE_TO_SEND: Duration = Duration::from_secs(1);
/// Kept of the lease to record what a slow look found.
const LEASE_KEPT_TO_RECORD: Duration = Duration::from_secs(2);
/// Claims in a row that may record nothing; the next visit blocks the operation.
const CLAIMS_WITHOUT_PROGRESS: i32 = 5;

/// Pause before an unreadable operation is looked at again, perhaps by a newer program.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(10);

/// A place between the parts of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Point {
    /// The operation is claimed.
    Claimed,
    /// The step has looked; nothing is written.
    Checked,
    /// The intent is committed; the call is not sent.
    Intended,
    /// The answer is here; nothing of it is written.
    Answered,
    /// The verdict is committed.
    Recorded,
}

/// What a test does at a point: a future that never ends plays the death of the process there.
pub type Probe = Arc<
    dyn Fn(Point, &str, Option<&Mutation>) -> Pin<Box<dyn Future<Output = ()> + Send>>
        + Send
        + Sync,
>;

/// What a turn came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnResult {
    /// There was nothing to do.
    Idle,
    /// This operation was visited; it now has this status, or was taken over meanwhile.
    Worked(TurnSummary),
}

/// A visit to an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnSummary {
    /// Which operation.
    pub operation_id: Uuid,
    /// Its status after the turn; `None` when it was taken over, or the step crashed and nothing was recorded.
    pub status: Option<Status>,
}

impl Worker {
    /// Takes one turn at whatever operation is due.
    pub async fn turn(&self) -> Result<TurnResult, StoreError> {
        let Some(claim) = self
            .store
            .claim(&self.name, &self.kinds, &self.steps)
            .await?
        else {
            return Ok(TurnResult::Idle);
        };
        // Whoever took its process down before works alone, so that it takes down nobody else's work.
        let alone = claim.claims_without_progress > 1;
        let Some(_company) = self.company(alone).await else {
            self.store
                .give_back(&claim, Duration::from_millis(200), false)
                .await?;
            return Ok(TurnResult::Idle);
        };
        let span = tracing::info_span!("turn", operation.id = %claim.operation_id);
        // A task of its own, so that a step that panics takes down only its turn.
        let visit = tokio::spawn(self.clone().visit(claim.clone()).instrument(span)).await;
        let operation_id = claim.operation_id;
        let status = match visit {
            Ok(Ok(recorded)) => Some(recorded.status),
            Ok(Err(StoreError::Fenced)) => {
                tracing::info!(operation.id = %operation_id, "taken over meanwhile; this turn is dropped");
                None
            }
            Ok(Err(error)) => {
                // The database failed, not the step: this claim does not count.
                let _ = self
                    .store
                    .give_back(&claim, Duration::from_millis(200), false)
                    .await;
                return Err(error);
            }
            Err(error) if error.is_panic() => {
                tracing::error!(operation.id = %operation_id, "the step panicked; nothing was recorded");
                let pause =
                    Duration::from_millis(200) * claim.claims_without_progress.unsigned_abs();
                self.store.give_back(&claim, pause, true).await?;
                None
            }
            Err(_) => None,
        };
        Ok(TurnResult::Worked(TurnSummary {
            operation_id,
            status,
        }))
    }

    async fn visit(self, claim: Claim) -> Result<Recorded, StoreError> {
        let task = match self.store.load_task(&claim).await {
            Err(StoreError::Unreadable { what, detail }) => {
                return self.set_aside(&claim, what, &detail).await;
            }
            loaded => loaded?,
        };
        self.pass(Point::Claimed, &task, None).await;
        if claim.claims_without_progress > CLAIMS_WITHOUT_PROGRESS {
            return self.store.record(&claim, &task, &quarantine(&task)).await;
        }
        let Some(step) = operations::step(task.kind, &task.step.name) else {
            // The claim takes known names only, so the name belongs to another kind: leave it to a newer program.
            self.store
                .give_back(&claim, Duration::from_secs(60), false)
                .await?;
            return Err(StoreError::Fenced);
        };
        let context = Context::new(&self.world, &task);
        let report = self.take_step(&claim, &context, step).await?;
        log(&task, &report.verdict);
        count(&report.verdict);
        let recorded = self.store.record(&claim, &task, &report).await?;
        self.pass(Point::Recorded, &task, None).await;
        Ok(recorded)
    }

    /// An operation that this program cannot read: a newer one may, so it is left for a while; a person hears of it when
    /// nobody could.
    async fn set_aside(
        &self,
        claim: &Claim,
        what: &'static str,
        detail: &str,
    ) -> Result<Recorded, StoreError> {
        tracing::error!(what, detail, "this operation cannot be read");
        if claim.claims_without_progress > CLAIMS_WITHOUT_PROGRESS {
            let fault = Fault::new(
                FaultClass::Crashed,
                format!("the database holds an unreadable {what} of this operation"),
            );
            return self.store.block_unreadable(claim, &fault).await;
        }
        self.store.give_back(claim, UNREADABLE_PAUSE, true).await?;
        Err(StoreError::Fenced)
    }

    async fn take_step(
        &self,
        claim: &Claim,
        context: &Context<'_>,
        step: &Step,
    ) -> Result<TurnReport, StoreError> {
        let timeout = claim.lease_left().saturating_sub(LEASE_KEPT_TO_RECORD);
        let look = tokio::time::timeout(timeout, (step.check)(context))
            .await
            .unwrap_or_else(|_| {
                Err(Fault::new(
                    FaultClass::Transient,
                    format!("{}: AWS answers too slowly to look", step.name),
                ))
            });
        self.pass(Point::Checked, context.task, None).await;
        let circumstances = DecisionContext::new(context, step, claim);
        Ok(match look {
            Ok(StepOutcome::Done(findings)) => {
                report(Verdict::Next { skipped: false }, context.news(findings))
            }
            Ok(StepOutcome::Skip) => report(Verdict::Next { skipped: true }, Findings::default()),
            Ok(StepOutcome::CheckAgain {
                after,
                waiting_for,
                findings,
            }) => report(
                after_waiting(&circumstances, after, waiting_for).await,
                context.news(findings),
            ),
            Err(fault) => with_undo(
                context.task,
                report(
                    after_fault(&circumstances, fault, None).await,
                    Findings::default(),
                ),
            ),
            Ok(StepOutcome::Act { .. }) if claim.lease_left() < LEASE_NEEDED_TO_SEND => {
                let again = after_waiting(&circumstances, TOO_LATE_TO_SEND, WaitingFor::Aws).await;
                report(again, Findings::default())
            }
            Ok(StepOutcome::Act {
                mutation,
                propagating_until,
            }) => {
                self.send(claim, &circumstances, &mutation, propagating_until)
                    .await?
            }
        })
    }

    async fn send(
        &self,
        claim: &Claim,
        circumstances: &DecisionContext<'_>,
        mutation: &Mutation,
        propagating_until: Option<DateTime<Utc>>,
    ) -> Result<TurnReport, StoreError> {
        let context = circumstances.context;
        let intent_id = self
            .store
            .open_intent(claim, context.task, mutation)
            .await?;
        self.pass(Point::Intended, context.task, Some(mutation))
            .await;
        if claim.lease_left() < LEASE_KEPT_FOR_A_CALL {
            // Frozen since the intent: another worker may have gone on. What was not sent did not happen.
            let words = format!("{}: not sent, for want of time", mutation.words());
            let unsent = SentCall {
                intent_id,
                words,
                outcome: SentOutcome::Refused,
            };
            let again = after_waiting(circumstances, TOO_LATE_TO_SEND, WaitingFor::Aws).await;
            return Ok(TurnReport {
                sent: Some(unsent),
                ..report(again, Findings::default())
            });
        }
        let outcome = operations::act(context, mutation).await;
        self.pass(Point::Answered, context.task, Some(mutation))
            .await;
        let words = mutation.words();
        let sent = |outcome| {
            Some(SentCall {
                intent_id,
                words,
                outcome,
            })
        };
        Ok(match outcome {
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
                let known = if fault.class.leaves_outcome_unknown() {
                    SentOutcome::Unknown
                } else {
                    SentOutcome::Refused
                };
                let verdict = after_fault(circumstances, fault, propagating_until).await;
                with_undo(
                    context.task,
                    TurnReport {
                        sent: sent(known),
                        ..report(verdict, Findings::default())
                    },
                )
            }
        })
    }

    async fn pass(&self, point: Point, task: &Task, mutation: Option<&Mutation>) {
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

fn with_undo(task: &Task, report: TurnReport) -> TurnReport {
    match report.verdict {
        Verdict::RollBack { .. } => TurnReport {
            undo_steps: plan(task.kind).undo_names(),
            ..report
        },
        Verdict::Next { .. } | Verdict::Again { .. } | Verdict::Block { .. } => report,
    }
}

fn quarantine(task: &Task) -> TurnReport {
    let detail = format!(
        "{} was begun {CLAIMS_WITHOUT_PROGRESS} times and never ended",
        task.step.name
    );
    let fault = Fault {
        during_undo: task.step.undo,
        ..Fault::new(FaultClass::Crashed, detail)
    };
    report(
        Verdict::Block {
            fault,
            recheck_after: None,
            waiting_for: WaitingFor::Operator,
        },
        Findings::default(),
    )
}

fn count(verdict: &Verdict) {
    let (word, fault) = match verdict {
        Verdict::Next { .. } => ("next", None),
        Verdict::Again { fault, .. } => ("again", fault.as_ref()),
        Verdict::Block { fault, .. } => ("block", Some(fault)),
        Verdict::RollBack { fault } => ("roll_back", Some(fault)),
    };
    metrics::counter!("turns_total", "verdict" => word).increment(1);
    if let Some(fault) = fault {
        metrics::counter!("faults_total", "problem" => fault.problem_code().as_str()).increment(1);
    }
}

fn log(task: &Task, verdict: &Verdict) {
    let (step, cluster, attempt) = (&task.step.name, &task.cluster, task.step.attempts + 1);
    match verdict {
        Verdict::Next { .. } => {
            tracing::info!(step.name = step, cluster.name = %cluster, "step is done")
        }
        Verdict::Again {
            fault: Some(fault), ..
        } => {
            let request_id = fault.aws.as_ref().and_then(|aws| aws.request_id.as_deref());
            tracing::warn!(step.name = step, step.attempt = attempt, cluster.name = %cluster,
                aws.request_id = request_id, detail = fault.detail, "will try again");
        }
        Verdict::Again { fault: None, .. } => {}
        Verdict::Block { fault, .. } => {
            tracing::error!(step.name = step, cluster.name = %cluster, detail = fault.detail, "blocked");
        }
        Verdict::RollBack { fault } => {
            tracing::error!(step.name = step, cluster.name = %cluster, detail = fault.detail, "rolling back");
        }
    }
}
