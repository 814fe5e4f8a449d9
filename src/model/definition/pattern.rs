//! The pattern that the text of a setting matches from start to end.

use regex::{Regex, RegexBuilder};

/// The most bytes that a compiled pattern takes, and that its engine keeps while it matches.
const LARGEST_PATTERN: usize = 256 << 10;

/// The most patterns of one definition: each is kept compiled.
pub(super) const MOST_PATTERNS: usize = 50;

/// The deepest nesting of groups in a pattern.
const DEEPEST_PATTERN: u32 = 32;

/// A pattern, compiled once; patterns of one text are equal.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) text: String,
    whole: Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Pattern {
    /// Compiles a pattern; none where it is no regular expression, or takes too much.
    pub(crate) fn new(text: &str) -> Option<Self> {
        // By itself first: `a)|(b` would end the group and match more.
        compiled(text)?;
        Some(Self { text: text.to_owned(), whole: compiled(&format!("^(?:{text})$"))? })
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.whole.is_match(text)
    }
}

fn compiled(text: &str) -> Option<Regex> {
    let mut builder = RegexBuilder::new(text);
    builder.size_limit(LARGEST_PATTERN).dfa_size_limit(LARGEST_PATTERN).nest_limit(DEEPEST_PATTERN);
    builder.build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_small_and_matches_the_whole() {
        let pattern = Pattern::new("[a-z]{2,10}").unwrap();
        assert!(pattern.is_match("abc") && !pattern.is_match("abc1") && !pattern.is_match("a"));
        for large in ["((a{1,100}){1,100}){1,100}", r"(\w{1,100}){1,100}", "(", "a)|(b", &"(".repeat(40)] {
            assert!(Pattern::new(large).is_none(), "{large}");
        }
        assert!(Pattern::new(&format!("{}a{}", "(".repeat(40), ")".repeat(40))).is_none(), "too deep");
    }
}
