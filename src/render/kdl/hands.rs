//! What may be written in objects and patches: each field of the short table, on its own line.

use std::collections::BTreeSet;

use crate::finding::{Finding, Findings};
use crate::kind::GroupKind;
use crate::policy::{self, WritingHatch};
use crate::render::tree::Tree;
use crate::source::Span;

/// Checks a body as written, and says whether all of it may be; `head` where a value has no line.
pub(super) fn check(body: &Tree, kind: GroupKind, hatch: WritingHatch, head: Span, findings: &mut Findings) -> bool {
    let mut told = BTreeSet::new();
    body.each_leaf(head, &mut |pointer, value, span| {
        let refused = policy::of_hatch((kind.group, kind.kind), hatch, pointer, value);
        // A list of what may not be said is told once.
        if let Some(refused) = refused.filter(|refused| told.insert(refused.title.clone())) {
            findings.push(Finding::error(refused.code, refused.title, span).why(refused.why).help(refused.help));
        }
    });
    told.is_empty()
}
