//! Clusters: the endpoints under `/v1/clusters`, their request and response bodies, and the rules
//! of validation. Handlers validate and store; nothing here calls AWS except through `inspections`.

pub(super) mod adopt;
pub(crate) mod approvals;
pub(super) mod change_requests;
pub(super) mod connection;
pub(super) mod create;
pub(super) mod decisions;
pub(super) mod delete;
pub(super) mod drift;
pub(super) mod empty_request;
pub(super) mod events;
pub(super) mod immutable;
pub(super) mod ingress;
#[cfg(test)]
mod limits;
pub(super) mod observed_view;
pub(super) mod patch;
pub(super) mod patch_rules;
pub(super) mod read;
pub(super) mod reboot;
pub(super) mod release;
pub(super) mod repair;
pub(super) mod request;
pub(super) mod rules;
pub(super) mod scale;
pub(super) mod settings;
pub(super) mod submit;
pub(super) mod update;
pub(super) mod view;
