//! One finding a mistake: of two about the same value the one that knows more stays.

use std::collections::BTreeMap;

use crate::finding::{Code, Effect, Finding, Findings};
use crate::source::{FileId, Span};

/// A text that must stand in quotes.
pub(crate) const MUST_BE_QUOTED: Code = Code::new("E0012");

/// Codes about the form of one value: escapes, quotes, glued units, amounts in properties, reserved words, other quotation
/// marks, numbers, texts of several lines.
const OF_VALUES: &[Code] = &[
    Code::new("E0011"),
    MUST_BE_QUOTED,
    Code::new("E0013"),
    Code::new("E0014"),
    Code::new("E0015"),
    Code::new("E0016"),
    Code::new("E0023"),
    Code::new("E0029"),
];

/// Codes of what settings say of a value: another kind of value, a word or amount that it cannot be, a text of another form, a
/// value out of its range, a name that is none, an edition that is not known.
const OF_SETTINGS: &[Code] = &[
    Code::new("E0109"),
    Code::new("E0201"),
    Code::new("E0202"),
    Code::new("E0203"),
    Code::new("E0204"),
    Code::new("E0205"),
    Code::new("E0206"),
    MUST_BE_QUOTED,
];

impl Finding {
    /// Whether a code is about the form of one value.
    pub(crate) fn is_of_value(code: Code) -> bool {
        OF_VALUES.contains(&code)
    }
}

impl Findings {
    /// Drops what is said of the form of a value where its setting says more: that it wants another value, or how this one is
    /// written.
    pub(crate) fn settle(&mut self) {
        let of_form = |finding: &Finding| finding.is_unreadable() && Finding::is_of_value(finding.code);
        let mut places: BTreeMap<FileId, Vec<Span>> = BTreeMap::new();
        for finding in self.iter().filter(|finding| of_form(finding)) {
            places.entry(finding.file()).or_default().push(finding.primary.span);
        }
        if places.is_empty() {
            return;
        }
        let says_more =
            |finding: &&Finding| finding.effect == Effect::MeaningLost && OF_SETTINGS.contains(&finding.code);
        for finding in self.all.iter().map(|finding| &**finding).filter(says_more) {
            if let Some(spans) = places.get_mut(&finding.file()) {
                let said = finding.primary.span;
                let holds = |outer: Span, inner: Span| outer.start <= inner.start && inner.start < outer.end;
                spans.retain(|span| !holds(*span, said) && !holds(said, *span));
            }
        }
        self.retain(|finding| {
            let stays = |spans: &Vec<Span>| spans.contains(&finding.primary.span);
            !of_form(finding) || places.get(&finding.file()).is_some_and(stays)
        });
    }
}
