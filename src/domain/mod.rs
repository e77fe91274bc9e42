//! Floor 0, the words. The lead's list replaces this one.

pub mod denial;
pub mod hints;
pub mod names;
pub mod policies;
pub mod remedy;
