//! A review as it is posted: comment, status, notes on lines.

use super::RequestAgreement;
use crate::forge::{CiPlace, LineNote, Posting, StatusState};
use crate::report::escape;
use crate::report::plan::{CommentStyle, comment};
use crate::review::{MergeOutcome, Review, ReviewedFinding, ReviewedSeverity, verdict};

/// What the posting says beside the review itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Beside {
    /// What the forge says of the request: that it is a draft, or from a fork.
    pub(super) request: Vec<String>,
    /// Where the whole plan is, as a part of a sentence.
    pub(super) whole: Option<String>,
    /// Who must agree, and who has; absent where the garden asks nobody.
    pub(super) agreement: Option<RequestAgreement>,
}

impl Beside {
    /// What a CI tells of the request, and the review of its file.
    pub(super) fn of(place: &CiPlace, review: &Review) -> Self {
        Self::new(place.draft, place.from_fork == Some(true), review)
    }

    /// The same of what is known.
    pub(super) fn new(is_draft: bool, is_fork: bool, review: &Review) -> Self {
        let draft = is_draft.then_some("A draft: it can still change.");
        let fork = is_fork.then_some("From a fork: planned without the clusters.");
        let whole = review.details.as_ref().map(|name| format!("`{}` of this pipeline", name.replace('`', "")));
        Self { request: draft.into_iter().chain(fork).map(str::to_owned).collect(), whole, agreement: None }
    }
}

/// The posting of a review.
pub(super) fn of(review: Review, beside: Beside) -> Posting {
    let verdict = verdict(&review);
    let consent = beside.agreement.as_ref().map(|agreement| (agreement.state, agreement.description.clone()));
    let notes = review.findings.iter().filter(|finding| finding.on_changed_lines).filter_map(note).collect();
    Posting {
        head: review.head.clone(),
        verdict: verdict.words,
        status: if is_wrong(&review) { StatusState::Failure } else { StatusState::Success },
        notes,
        has_news: review.has_news() || consent.as_ref().is_some_and(|(state, _)| *state != StatusState::Success),
        consent,
        details: None,
        body: Box::new(move |at_most| {
            let Beside { request, whole, agreement } = beside.clone();
            let agreement = agreement.map(|agreement| agreement.lines).unwrap_or_default();
            comment(&review, &CommentStyle { at_most, whole, request, agreement })
        }),
    }
}

/// Whether something has to be mended before the change can be merged and applied.
pub(super) fn is_wrong(review: &Review) -> bool {
    let clashes =
        |merge: &MergeOutcome| matches!(merge, MergeOutcome::Conflicts { .. } | MergeOutcome::Findings { .. });
    review.has_errors() || review.plan.is_none() || review.target.as_ref().is_some_and(|target| clashes(&target.merge))
}

/// A finding as a note on its lines, with what a safe fix leaves there.
fn note(finding: &ReviewedFinding) -> Option<LineNote> {
    let line = |line: usize| u32::try_from(line).ok();
    let (first, last) = finding
        .suggestion
        .as_ref()
        .map_or((finding.place.line, finding.end_line), |suggestion| (suggestion.first, suggestion.last));
    Some(LineNote {
        path: finding.place.file.clone(),
        line: line(first)?,
        end_line: line(last)?,
        key: finding.fingerprint.clone(),
        text: text(finding),
        suggestion: finding.suggestion.as_ref().map(|suggestion| suggestion.text.clone()),
    })
}

fn text(finding: &ReviewedFinding) -> String {
    let ReviewedFinding { code, severity, title, why, help, .. } = finding;
    let word = match severity {
        ReviewedSeverity::Error => "error",
        ReviewedSeverity::Warning => "warning",
        ReviewedSeverity::Hint => "hint",
    };
    let mut text = format!("**{word}** {}: {}", escape(code), escape(title));
    why.iter().for_each(|why| text.push_str(&format!("\n\n{}", escape(why))));
    if !help.is_empty() {
        text.push('\n');
    }
    help.iter().for_each(|help| text.push_str(&format!("\n- {}", escape(help))));
    text.push_str(&format!("\n\n{}", crate::report::code(&format!("parcelle explain {code}"))));
    text
}
