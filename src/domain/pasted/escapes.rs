//! Escapes of JSON, XML, programming languages and terminals.

/// Entities of XML and HTML, without `&` and `;`.
const ENTITIES: [(&str, char); 8] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("ldquo", '"'),
    ("rdquo", '"'),
];
/// Longest entity, such as `&#x2028;`.
const ENTITY_MAX: usize = 8;

/// Decodes one level of escapes. Escaped letters and digits stay as they are.
pub(super) fn decode(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let found = match first {
            '\\' => backslash(rest),
            '&' => entity(rest),
            '\u{1b}' => Some((None, colour_len(rest))),
            c => match plain(c) {
                Some(same) if same == c => None,
                // An invisible character inside a name ends the name.
                None if is_inside_name(&decoded, &rest[c.len_utf8()..]) => {
                    Some((Some(' '), c.len_utf8()))
                }
                other => Some((other, c.len_utf8())),
            },
        };
        let (character, len) = found.unwrap_or((Some(first), first.len_utf8()));
        decoded.extend(character);
        rest = rest.get(len..).unwrap_or_default();
    }
    decoded
}

fn is_inside_name(before: &str, after: &str) -> bool {
    before.ends_with(char::is_alphanumeric) && after.starts_with(char::is_alphanumeric)
}

/// The character for another form of it: typographic quotes and white space. `None` for an invisible
/// one.
fn plain(c: char) -> Option<char> {
    match c {
        '“' | '”' | '„' | '«' | '»' | '`' => Some('"'),
        '‘' | '’' => Some('\''),
        '\u{2028}' | '\u{2029}' => Some('\n'),
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' => {
            None
        }
        '\u{feff}' => None,
        '\n' | '\t' => Some(c),
        c if c.is_whitespace() => Some(' '),
        c if c.is_control() && c != '\u{1b}' => None,
        c => Some(c),
    }
}

/// The character of an escape, and the length of the escape. `None` if this is no escape.
type Escape = Option<(Option<char>, usize)>;

/// An escape that begins with a backslash.
fn backslash(text: &str) -> Escape {
    let next = text.chars().nth(1)?;
    let after = text.get(2..);
    match next {
        'n' | 'r' => Some((Some('\n'), 2)),
        't' => Some((Some('\t'), 2)),
        'u' => match after?.strip_prefix('{') {
            Some(braced) => {
                let (digits, _) = braced.split_once('}')?;
                number(digits, 16, 4 + digits.len())
            }
            None => number(after?.get(..4)?, 16, 6),
        },
        'x' => number(after?.get(..2)?, 16, 4),
        '0' => number(text.get(1..4)?, 8, 4),
        'e' if after?.starts_with('[') => Some((Some('\u{1b}'), 2)),
        '\n' => Some((Some('\n'), 2)),
        '"' | '\'' | '\\' | '/' | '`' => Some((Some(next), 2)),
        _ => None,
    }
}

/// An entity of XML or HTML.
fn entity(text: &str) -> Escape {
    let end = text
        .bytes()
        .take(ENTITY_MAX + 2)
        .position(|byte| byte == b';')?;
    let name = text.get(1..end)?;
    match name.strip_prefix('#') {
        Some(digits) => match digits.strip_prefix(['x', 'X']) {
            Some(digits) => number(digits, 16, end + 1),
            None => number(digits, 10, end + 1),
        },
        None => ENTITIES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, character)| (Some(*character), end + 1)),
    }
}

/// The character with this number, unless it is a letter or a digit. Half of a pair of UTF-16 is
/// dropped: no name of AWS contains one.
fn number(digits: &str, radix: u32, len: usize) -> Escape {
    let number = u32::from_str_radix(digits, radix).ok()?;
    match char::from_u32(number) {
        Some(c) if c.is_alphanumeric() => None,
        character => Some((character, len)),
    }
}

/// The length of a terminal's escape sequence, such as `ESC [ 1 ; 31 m`.
fn colour_len(text: &str) -> usize {
    let Some(parameters) = text.strip_prefix("\u{1b}[") else {
        return 1;
    };
    let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';' && c != '?');
    end.map_or(text.len(), |end| {
        let last = parameters[end..].chars().next().map_or(0, char::len_utf8);
        2 + end + last
    })
}

/// Decodes the escapes of a URL, except those of letters and digits.
pub(super) fn decode_url(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let found = match first {
            '+' => Some((Some(' '), 1)),
            '%' => rest.get(1..3).and_then(|digits| number(digits, 16, 3)),
            _ => None,
        };
        let (character, len) = found.unwrap_or((Some(first), first.len_utf8()));
        decoded.extend(character);
        rest = rest.get(len..).unwrap_or_default();
    }
    decoded
}
