//! Sabotage: deliberate bugs that prove that the tests can fail. `tests/sabotage/` runs them all.
//!
//! Only debug builds have them: in a release build every condition is the constant `false`, and the
//! compiler removes it.

use std::sync::LazyLock;

/// The bug that the environment selects.
static SELECTED: LazyLock<Option<String>> = LazyLock::new(selected);

/// Whether this bug is selected.
pub fn is(bug: &str) -> bool {
    cfg!(debug_assertions) && SELECTED.as_deref() == Some(bug)
}

#[expect(
    clippy::disallowed_methods,
    reason = "no setting of the product: release builds do not read it"
)]
fn selected() -> Option<String> {
    std::env::var("SABOTAGE").ok()
}
