//! Patterns in the words of Go's `regexp`, for the engine that is here.

use std::collections::BTreeMap;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

/// The most that one compiled pattern may take, in bytes.
const LARGEST: usize = 512 << 10;
/// The most patterns that are kept while one object is judged.
const KEPT: usize = 64;

/// Compiled patterns of one object's judgement.
#[derive(Default)]
pub(super) struct Patterns(BTreeMap<Arc<str>, Option<Regex>>);

impl Patterns {
    /// Whether a pattern was compiled before.
    pub(super) fn knows(&self, pattern: &Arc<str>) -> bool {
        self.0.contains_key(pattern)
    }

    /// Returns the compiled pattern; `None` for one that cannot be read here.
    pub(super) fn get(&mut self, pattern: &Arc<str>) -> Option<&Regex> {
        if self.0.len() >= KEPT && !self.0.contains_key(pattern) {
            self.0.clear();
        }
        self.0.entry(Arc::clone(pattern)).or_insert_with(|| compiled(pattern)).as_ref()
    }
}

/// Compiles a pattern of Go; `None` for one that is none, or is too large.
pub(crate) fn compiled(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(&translated(pattern)).size_limit(LARGEST).dfa_size_limit(LARGEST).nest_limit(100).build().ok()
}

/// The same pattern for an engine in which `\d`, `\w`, `\s` and `\b` are of Unicode, and classes have operators.
fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    let mut class = false;
    while let Some(letter) = rest.chars().next() {
        let mut taken = letter.len_utf8();
        match letter {
            '\\' => {
                let next = rest[1..].chars().next();
                taken += next.map_or(0, char::len_utf8);
                escape(next, class, rest, &mut taken, &mut out);
            }
            '[' if !class => {
                class = true;
                out.push('[');
                // A bracket that stands first is a member.
                for first in ["^", "]"] {
                    if rest[taken..].starts_with(first) {
                        out.push_str(if first == "]" { "\\]" } else { first });
                        taken += 1;
                    }
                }
            }
            '[' => match rest.strip_prefix("[:").and_then(|name| name.find(":]")) {
                Some(end) => {
                    taken = end + 4;
                    out.push_str(&rest[..taken]);
                }
                None => out.push_str("\\["),
            },
            ']' => {
                class = false;
                out.push(']');
            }
            '&' | '~' if class => {
                out.push('\\');
                out.push(letter);
            }
            other => out.push(other),
        }
        rest = &rest[taken..];
    }
    out
}

fn escape(next: Option<char>, class: bool, rest: &str, taken: &mut usize, out: &mut String) {
    let set = |letter: char| {
        Some(match letter {
            'd' | 'D' => "0-9",
            'w' | 'W' => "0-9A-Za-z_",
            's' | 'S' => "\\t\\n\\x0c\\r ",
            _ => return None,
        })
    };
    match next {
        Some('Q') => {
            let quoted = &rest[2..];
            let end = quoted.find("\\E");
            out.push_str(&regex::escape(&quoted[..end.unwrap_or(quoted.len())]));
            *taken = 2 + end.map_or(quoted.len(), |end| end + 2);
        }
        Some(letter @ ('b' | 'B')) if !class => out.push_str(&format!("(?-u:\\{letter})")),
        Some(letter @ ('<' | '>')) => out.push(letter),
        Some(letter) => match set(letter) {
            Some(set) if letter.is_ascii_uppercase() => out.push_str(&format!("[^{set}]")),
            Some(set) if class => out.push_str(set),
            Some(set) => out.push_str(&format!("[{set}]")),
            None => {
                out.push('\\');
                out.push(letter);
            }
        },
        None => out.push('\\'),
    }
}

#[cfg(test)]
mod tests {
    use super::compiled;

    #[test]
    fn patterns_match_as_those_of_go() {
        let cases = [
            (r"^\d+$", "12", true),
            (r"^\d+$", "١٢", false),
            (r"^\w+$", "é", false),
            (r"^[\w.-]+$", "a.b-c", true),
            (r"^[^\s]+$", "ab", true),
            (r"^[\S]+$", "a b", false),
            (r"^[a&&b]+$", "a&b", true),
            (r"^[[]$", "[", true),
            (r"^[]a]+$", "]a", true),
            (r"^[[:alpha:]_]+$", "ab_", true),
            (r"^[[:alpha:]_]+$", "ab1", false),
            (r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$", "Pending", true),
            (r"^\Qa.b\E$", "a.b", true),
            (r"^\Qa.b\E$", "axb", false),
            (r"^a\/b$", "a/b", true),
            (r"^\<$", "<", true),
            (r"\bcat\b", "a cat", true),
            (r"^(?i)abc$", "ABC", true),
            (r"^.{3}$", "añb", true),
            (r"^a$", "a\n", false),
        ];
        for (pattern, text, wanted) in cases {
            let pattern = compiled(pattern).unwrap_or_else(|| panic!("{pattern} is one"));
            assert_eq!(pattern.is_match(text), wanted, "{pattern} of {text:?}");
        }
        for none in ["(", "[a", "a{2000000}", r"(?=a)", "((a{1000}){1000}){1000}"] {
            assert!(compiled(none).is_none(), "{none}");
        }
    }
}
