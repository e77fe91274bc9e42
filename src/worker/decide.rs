//! Decides what follows a check or a call that did not complete its step.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::operation::Status;
use crate::domain::problems::fault::{Fault, FaultClass, Handling};
use crate::domain::retry::{RECHECK_QUOTA, backoff, jittered, recheck_permission, recheck_role};
use crate::domain::spec::{OnFailure, Spec};
use crate::domain::task::Task;
use crate::domain::verdict::Verdict;
use crate::domain::waiting::WaitingFor;
use crate::operations::tear_down::block_instead_of_failing;
use crate::operations::{Context, Step, deadline_fault, plan};
use crate::store::{Claim, TurnReport};

/// Interval between the checks of a blocked operation, where its cause has no schedule of its own.
const RECHECK: Duration = Duration::from_secs(60);

/// Part of the lease that is kept to record the verdict.
const KEPT_TO_RECORD: Duration = Duration::from_secs(2);

/// Everything that a decision depends on.
pub(super) struct DecisionContext<'a> {
    pub(super) context: &'a Context<'a>,
    step: &'a Step,
    /// Whether the operation removes resources: a delete, or an undo.
    tears_down: bool,
    random: f64,
    claim: &'a Claim,
}

impl<'a> DecisionContext<'a> {
    pub(super) fn new(context: &'a Context<'a>, step: &'a Step, claim: &'a Claim) -> Self {
        let tears_down =
            context.task.step.undo || matches!(context.task.spec, Spec::DeleteCluster(_));
        Self {
            context,
            step,
            tears_down,
            random: rand::random(),
            claim,
        }
    }

    /// Whether the step, or the whole operation, has exceeded its deadline.
    ///
    /// Time spent blocked by a missing permission, a quota and the like does not count: the step's
    /// time starts again when it resumes.
    fn is_late(&self) -> bool {
        let task = self.context.task;
        let is_blocking = |fault: &Fault| !fault.class.is_timeout();
        if task.status == Status::Blocked && task.step.last_fault.as_ref().is_some_and(is_blocking)
        {
            return false;
        }
        let allowed = TimeDelta::from_std((self.step.deadline)(task)).unwrap_or(TimeDelta::MAX);
        let step_is_late = task
            .step
            .timeout_from
            .is_some_and(|from| task.now - from > allowed);
        step_is_late || task.now > task.deadline_at
    }

    /// The fault of an exceeded deadline, with AWS's events if the lease leaves time to read them.
    async fn deadline_fault(&self, last: Option<Fault>) -> Fault {
        let timeout = self.claim.lease_left().saturating_sub(KEPT_TO_RECORD);
        let known = last.clone();
        tokio::time::timeout(timeout, deadline_fault(self.context, self.step, last))
            .await
            .unwrap_or_else(|_| {
                let detail = format!("{} exceeded its deadline", self.step.name);
                known.unwrap_or_else(|| Fault::new(FaultClass::Deadline, detail))
            })
    }

    /// Blocks the operation, or rolls it back if the request prefers that.
    fn block(&self, fault: Fault, recheck_after: Duration, waiting_for: WaitingFor) -> Verdict {
        let task = self.context.task;
        if task.spec.on_failure() == OnFailure::RollBack && !self.tears_down {
            return Verdict::RollBack { fault };
        }
        let fault = Fault {
            during_undo: task.step.undo,
            ..fault
        };
        Verdict::Block {
            fault,
            recheck_after: Some(recheck_after),
            waiting_for,
        }
    }

    /// Retries while DAX may not see a new role yet.
    fn retry_during_propagation(&self, fault: Fault) -> Verdict {
        let faults = self.context.task.step.faults_in_row + 1;
        Verdict::Again {
            after: recheck_role(faults, self.context.settings.timing.role_recheck),
            waiting_for: Some(WaitingFor::RolePropagation),
            fault: Some(fault),
        }
    }
}

/// What follows when a step waits. A wait of zero only splits a step into turns, so it ignores the
/// deadline.
pub(super) async fn after_waiting(
    decision: &DecisionContext<'_>,
    after: Duration,
    waiting_for: WaitingFor,
) -> Verdict {
    if !after.is_zero() && decision.is_late() {
        let fault = decision.deadline_fault(None).await;
        return decision.block(fault, RECHECK, waiting_for);
    }
    Verdict::Again {
        after: jittered(after, decision.random),
        waiting_for: Some(waiting_for),
        fault: None,
    }
}

/// What follows a fault. Until `propagating_until`, a role that DAX cannot assume is only too new.
pub(super) async fn after_fault(
    decision: &DecisionContext<'_>,
    fault: Fault,
    propagating_until: Option<DateTime<Utc>>,
) -> Verdict {
    let fault = if decision.tears_down {
        block_instead_of_failing(fault)
    } else {
        fault
    };
    match fault.class.handling() {
        Handling::Fail if decision.tears_down => {
            decision.block(fault, RECHECK, WaitingFor::Operator)
        }
        Handling::Fail => Verdict::RollBack { fault },
        Handling::Block => block(decision, fault),
        Handling::Retry if fault.class == FaultClass::RoleNotAssumable => {
            role_not_assumable(decision, fault, propagating_until)
        }
        Handling::Retry if fault.class == FaultClass::ServiceLinkedRoleMissing => {
            service_linked_role_missing(decision, fault)
        }
        // AWS executed nothing and asks for fewer calls, so it is never a reason to give up.
        Handling::Retry if fault.class == FaultClass::Throttled => retry(decision, fault),
        Handling::Retry if decision.is_late() => {
            let fault = decision.deadline_fault(Some(fault)).await;
            decision.block(fault, RECHECK, WaitingFor::Aws)
        }
        Handling::Retry => retry(decision, fault),
    }
}

fn retry(decision: &DecisionContext<'_>, fault: Fault) -> Verdict {
    let faults = decision.context.task.step.faults_in_row + 1;
    Verdict::Again {
        after: backoff(faults, decision.random),
        waiting_for: Some(fault.class.waiting_for()),
        fault: Some(fault),
    }
}

fn role_not_assumable(
    decision: &DecisionContext<'_>,
    fault: Fault,
    propagating_until: Option<DateTime<Utc>>,
) -> Verdict {
    let task = decision.context.task;
    if propagating_until.is_some_and(|until| task.now < until)
        && !crate::sabotage::is("propagation_not_awaited")
    {
        return decision.retry_during_propagation(fault);
    }
    decision.block(
        fault,
        recheck_permission(task.step.blocks_in_row + 1),
        WaitingFor::RoleTrust,
    )
}

/// DAX may not see a service-linked role yet that was created moments ago. After that time it is
/// missing, which the caller lacks the permission to change.
fn service_linked_role_missing(decision: &DecisionContext<'_>, fault: Fault) -> Verdict {
    let task = decision.context.task;
    let propagation = decision.context.settings.timing.propagation;
    if task
        .step
        .timeout_from
        .is_none_or(|from| task.age_of(from) < propagation)
    {
        return decision.retry_during_propagation(fault);
    }
    block(
        decision,
        Fault {
            class: FaultClass::Permission,
            ..fault
        },
    )
}

/// Blocks with the schedule of the fault's class.
fn block(decision: &DecisionContext<'_>, fault: Fault) -> Verdict {
    let waiting_for = fault.class.waiting_for();
    let recheck_after = match waiting_for {
        WaitingFor::Permission | WaitingFor::Credentials => {
            recheck_permission(decision.context.task.step.blocks_in_row + 1)
        }
        WaitingFor::Quota | WaitingFor::Capacity => RECHECK_QUOTA,
        WaitingFor::Aws
        | WaitingFor::Cluster
        | WaitingFor::RolePropagation
        | WaitingFor::LostAnswer
        | WaitingFor::Release
        | WaitingFor::RoleTrust
        | WaitingFor::AwsRateLimit
        | WaitingFor::Approval
        | WaitingFor::Operator => RECHECK,
    };
    decision.block(fault, recheck_after, waiting_for)
}

/// The report, with the steps of an undo if one begins.
pub(super) fn with_undo(task: &Task, report: TurnReport) -> TurnReport {
    match report.verdict {
        Verdict::RollBack { .. } => {
            let mut undo_steps = plan(task.kind).undo_names();
            if crate::sabotage::is("undo_without_last_step") {
                undo_steps.pop();
            }
            if crate::sabotage::is("undo_reversed") {
                undo_steps.reverse();
            }
            TurnReport {
                undo_steps,
                ..report
            }
        }
        Verdict::Next { .. } | Verdict::Again { .. } | Verdict::Block { .. } => report,
    }
}
