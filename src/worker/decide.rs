//! Deciding what follows a look that did not finish its step.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::operation::Status;
use crate::domain::problems::fault::{Fault, FaultClass, Handling};
use crate::domain::retry::{RECHECK_QUOTA, backoff, jittered, recheck_permission, recheck_role};
use crate::domain::spec::{OnFailure, Spec};
use crate::domain::verdict::Verdict;
use crate::domain::waiting::WaitingFor;
use crate::operations::tear_down::hold_instead_of_failing;
use crate::operations::{Context, Step, late_fault};
use crate::store::Claim;

/// How often a blocked operation looks again whether it can go on, when nothing else says.
const RECHECK_LATE: Duration = Duration::from_secs(60);

/// Kept of the lease to record the verdict.
const KEPT_TO_RECORD: Duration = Duration::from_secs(2);

/// What bears on a decision.
pub(super) struct DecisionContext<'a> {
    pub(super) context: &'a Context<'a>,
    step: &'a Step,
    /// Whether what was made is being removed: a delete, or an undo.
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

    /// Whether the step, or the whole operation, has used up its time.
    ///
    /// Time spent blocked for want of something is not the step's: its patience starts anew when it goes on.
    fn is_late(&self) -> bool {
        let task = self.context.task;
        let lacked = |fault: &Fault| !fault.class.is_timeout();
        if task.status == Status::Blocked && task.step.last_fault.as_ref().is_some_and(lacked) {
            return false;
        }
        let allowed = TimeDelta::from_std((self.step.deadline)(task)).unwrap_or(TimeDelta::MAX);
        let step_late = task
            .step
            .timeout_from
            .is_some_and(|from| task.now - from > allowed);
        step_late || task.now > task.deadline_at
    }

    /// The fault of a step that is late, with what AWS says about it if there is time to ask.
    async fn late_fault(&self, last: Option<Fault>) -> Fault {
        let timeout = self.claim.lease_left().saturating_sub(KEPT_TO_RECORD);
        let known = last.clone();
        tokio::time::timeout(timeout, late_fault(self.context, self.step, last))
            .await
            .unwrap_or_else(|_| {
                let detail = format!("{} took longer than it may", self.step.name);
                known.unwrap_or_else(|| Fault::new(FaultClass::Deadline, detail))
            })
    }

    /// A blocked verdict, or the undo if the request prefers that to waiting.
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
}

/// What follows when the step waits for AWS.
pub(super) async fn after_waiting(
    now: &DecisionContext<'_>,
    after: Duration,
    waiting_for: WaitingFor,
) -> Verdict {
    if !after.is_zero() && now.is_late() {
        let fault = now.late_fault(None).await;
        return now.block(fault, RECHECK_LATE, waiting_for);
    }
    Verdict::Again {
        after: jittered(after, now.random),
        waiting_for: Some(waiting_for),
        fault: None,
    }
}

/// What follows a fault. `propagating_until`: until then a role that cannot be assumed is only young.
pub(super) async fn after_fault(
    now: &DecisionContext<'_>,
    fault: Fault,
    propagating_until: Option<DateTime<Utc>>,
) -> Verdict {
    let fault = if now.tears_down {
        hold_instead_of_failing(fault)
    } else {
        fault
    };
    match fault.class.handling() {
        Handling::Fail if now.tears_down => now.block(fault, RECHECK_LATE, WaitingFor::Operator),
        Handling::Fail => Verdict::RollBack { fault },
        Handling::Block => block(now, fault),
        Handling::Retry if fault.class == FaultClass::RoleNotAssumable => {
            role_not_assumable(now, fault, propagating_until)
        }
        Handling::Retry if fault.class == FaultClass::ServiceLinkedRoleMissing => {
            service_linked_role_missing(now, fault)
        }
        Handling::Retry if now.is_late() => {
            let fault = now.late_fault(Some(fault)).await;
            now.block(fault, RECHECK_LATE, WaitingFor::Aws)
        }
        Handling::Retry => {
            let faults = now.context.task.step.faults_in_row + 1;
            let waiting_for = match fault.class {
                FaultClass::Ambiguous => WaitingFor::LostAnswer,
                FaultClass::WrongState => WaitingFor::Release,
                _ => WaitingFor::Aws,
            };
            Verdict::Again {
                after: backoff(faults, now.random),
                waiting_for: Some(waiting_for),
                fault: Some(fault),
            }
        }
    }
}

fn role_not_assumable(
    now: &DecisionContext<'_>,
    fault: Fault,
    propagating_until: Option<DateTime<Utc>>,
) -> Verdict {
    let task = now.context.task;
    if propagating_until.is_some_and(|until| task.now < until) {
        let after = recheck_role(
            task.step.faults_in_row + 1,
            now.context.settings.timing.role_recheck,
        );
        return Verdict::Again {
            after,
            waiting_for: Some(WaitingFor::RolePropagation),
            fault: Some(fault),
        };
    }
    now.block(
        fault,
        recheck_permission(task.step.blocks_in_row + 1),
        WaitingFor::RoleTrust,
    )
}

/// DAX may not see the account's service-linked role yet that was made moments ago; later it is a matter of permissions.
fn service_linked_role_missing(now: &DecisionContext<'_>, fault: Fault) -> Verdict {
    let task = now.context.task;
    let timing = &now.context.settings.timing;
    if task
        .step
        .timeout_from
        .is_none_or(|from| task.age_of(from) < timing.propagation)
    {
        let after = recheck_role(task.step.faults_in_row + 1, timing.role_recheck);
        return Verdict::Again {
            after,
            waiting_for: Some(WaitingFor::RolePropagation),
            fault: Some(fault),
        };
    }
    block(
        now,
        Fault {
            class: FaultClass::Permission,
            ..fault
        },
    )
}

fn block(now: &DecisionContext<'_>, fault: Fault) -> Verdict {
    let permission = recheck_permission(now.context.task.step.blocks_in_row + 1);
    let (recheck, waiting_for) = match fault.class {
        FaultClass::Permission => (permission, WaitingFor::Permission),
        FaultClass::Credentials => (permission, WaitingFor::Credentials),
        FaultClass::Quota => (RECHECK_QUOTA, WaitingFor::Quota),
        FaultClass::Capacity => (RECHECK_QUOTA, WaitingFor::Capacity),
        FaultClass::ClusterNotAvailable => (RECHECK_LATE, WaitingFor::Cluster),
        FaultClass::NotBuiltIn => (RECHECK_LATE, WaitingFor::Operator),
        _ => (RECHECK_LATE, WaitingFor::Aws),
    };
    now.block(fault, recheck, waiting_for)
}
