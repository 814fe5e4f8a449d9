//! What API servers warned of and was told already: a loop tells each warning once, however often an object is written.

use std::collections::BTreeSet;

use crate::finding::Findings;
use crate::plan;

/// So many are known; beyond that they are told anew.
const MOST: usize = 10_000;

/// Warnings of API servers that were told.
#[derive(Debug, Default)]
pub(in crate::engine) struct Warned(BTreeSet<(String, Option<String>)>);

impl Warned {
    /// Leaves out what was told before; what is left is told now.
    pub(in crate::engine) fn only_new(&mut self, findings: &mut Findings) {
        if self.0.len() > MOST {
            self.0.clear();
        }
        findings.retain(|finding| {
            finding.code != plan::WARNED || self.0.insert((finding.title.clone(), finding.why.clone()))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Code, Finding};
    use crate::source::{FileId, Span};

    #[test]
    fn a_warning_is_told_once_wherever_its_line_has_moved() {
        let mut warned = Warned::default();
        let mut told = |code: Code, line: usize, why: &str| {
            let mut findings = Findings::default();
            findings.push(Finding::warning(code, "of `Deployment web`", Span::new(FileId(0), line..line)).why(why));
            warned.only_new(&mut findings);
            findings.iter().count()
        };
        assert_eq!([told(plan::WARNED, 1, "a"), told(plan::WARNED, 2, "a"), told(plan::WARNED, 2, "b")], [1, 0, 1]);
        let other = Code::new("W0482");
        assert_eq!([told(other, 1, "a"), told(other, 1, "a")], [1, 1], "anything else is told as ever");
    }
}
