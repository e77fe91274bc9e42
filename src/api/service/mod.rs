//! The service itself: health, metrics and the problem pages.

pub(super) mod health;
pub(super) mod problem_pages;
