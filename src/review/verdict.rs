//! What a review comes to, in one sentence that can be read aloud.

use super::{MergeOutcome, Review, ReviewedSeverity};

/// The verdict on a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// A sentence, with its full stop.
    pub(crate) words: String,
    /// Whether it is one to stop at: data goes, something found stops an organisation, a merge does not go.
    pub(crate) is_grave: bool,
}

/// What a review comes to.
pub(crate) fn verdict(review: &Review) -> Verdict {
    let mut parts: Vec<String> = Vec::new();
    let errors = review.findings.iter().filter(|finding| finding.severity == ReviewedSeverity::Error).count();
    if errors > 0 {
        parts.push(format!("{} to mend before it can be applied", many(errors, "mistake")));
    }
    let clashes = review
        .target
        .as_ref()
        .is_some_and(|target| matches!(target.merge, MergeOutcome::Conflicts { .. } | MergeOutcome::Findings { .. }));
    if clashes {
        parts.push("it does not go together with what was merged since".to_owned());
    }
    let is_grave = errors > 0 || clashes;
    Verdict { words: format!("{}.", parts.join("; ")), is_grave }
}

fn many(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}
