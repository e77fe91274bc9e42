//! Properties that hold for every scenario: repeated steps, faults of AWS and of its environment,
//! crashes, cancels, deletes.

pub mod aws_faults;
pub mod aws_snapshot;
pub mod coverage;
pub mod crashes;
pub mod deletes;
pub mod environment_faults;
pub mod idempotence;
pub mod lagging_reads;
pub mod long_run;
pub mod parallel;
pub mod prepared;
pub mod run_checks;
pub mod scenario_actions;
pub mod scenario_checks;
#[cfg(feature = "lookups")]
pub mod scenario_ingress;
pub mod scenario_run;
pub mod scenario_setup;
pub mod scenarios;
pub mod templates;
pub mod undo;
