//! Pasted text: finds what a person copied from a terminal, a log, a program or a document.
//!
//! Escapes are decoded, and markup and frames removed, however deep they are nested. No letter or
//! digit is decoded, so every name in the result is in the text as it was pasted.

mod escapes;
mod frames;
mod markup;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod wrappings;

/// How many times escapes are decoded: JSON in JSON in a debug print, and more.
const LEVELS_MAX: usize = 8;

/// A pasted text without what surrounds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pasted {
    /// The text without escapes and markup; every prefix of a line is kept.
    pub decoded: String,
    /// The text also without frames, prefixes of lines and empty lines. White space is one space,
    /// or one line break.
    pub plain: String,
}

/// Removes what surrounds a pasted text.
pub fn unwrap(text: &str) -> Pasted {
    let mut decoded = text.to_owned();
    for _ in 0..LEVELS_MAX {
        let next = markup::strip(&escapes::decode(&decoded));
        if next == decoded {
            break;
        }
        decoded = next;
    }
    let plain = frames::strip(&decoded);
    Pasted { decoded, plain }
}

/// A text without the escapes of a URL. `None` if it is not part of a URL.
pub fn unwrap_url(text: &str) -> Option<String> {
    let is_url = text.contains("%20") || text.contains("+is+not+") || text.contains("%2F");
    is_url.then(|| escapes::decode_url(text))
}
