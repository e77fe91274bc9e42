//! Sizes: every file opens with its purpose and stays short. Clippy limits the functions.

use super::rust_files;

/// Longest file, in lines.
const LINES_MAX: usize = 400;

#[test]
fn every_file_opens_with_its_purpose_and_is_short() {
    let mut violations = Vec::new();
    for (name, text) in ["src", "tests", "crates"].into_iter().flat_map(rust_files) {
        if !text.starts_with("//! ") && !name.contains("/examples/") {
            violations.push(format!("{name} does not open with a //! line"));
        }
        let lines = text.lines().count();
        if lines > LINES_MAX {
            violations.push(format!("{name} has {lines} lines"));
        }
    }
    assert_eq!(violations, Vec::<String>::new());
}
