//! Clusters: create, list, get, delete, change, adopt, release, ingress, connection, events and drift.

pub(super) mod adopt;
pub(super) mod change_requests;
pub(super) mod connection;
pub(super) mod crud;
pub(super) mod drift;
pub(super) mod events;
pub(super) mod ingress;
pub(super) mod observed_view;
pub(super) mod patch;
pub(super) mod patch_rules;
pub(super) mod reboot;
pub(super) mod repair;
pub(super) mod request;
pub(super) mod rules;
pub(super) mod scale;
pub(super) mod settings;
pub(super) mod submit;
pub(super) mod update;
pub(super) mod view;
