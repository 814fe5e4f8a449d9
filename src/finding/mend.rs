//! Fixes applied to texts.

use std::collections::BTreeMap;

use crate::finding::{Applicability, Edit, Finding, Findings};
use crate::source::{FileId, Sources};

/// What came of applying fixes.
#[derive(Debug, Default)]
pub struct Mended {
    /// The texts that changed.
    pub texts: BTreeMap<FileId, String>,
    /// The findings whose fix was applied, in order, with what the fix does.
    pub(crate) applied: Vec<(Finding, String)>,
}

/// Applies the first safe fix of each finding that is `wanted`. One that overlaps with an earlier one waits for the next
/// time.
pub fn mend(findings: &Findings, sources: &Sources, wanted: impl Fn(&Finding) -> bool) -> Mended {
    let mut mended = Mended::default();
    let mut taken: BTreeMap<FileId, Vec<Edit>> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| wanted(finding)) {
        let safe = finding.fixes.iter().find(|fix| fix.applicability == Applicability::Safe);
        let Some(fix) = safe.filter(|fix| !fix.edits.is_empty()) else { continue };
        if fix.edits.iter().any(|edit| taken.get(&edit.span.file).is_some_and(|others| overlaps(edit, others))) {
            continue;
        }
        fix.edits.iter().for_each(|edit| taken.entry(edit.span.file).or_default().push(edit.clone()));
        mended.applied.push((finding.clone(), fix.title.clone()));
    }
    for (file, mut edits) in taken {
        let mut text = sources.file(file).text.to_string();
        // From the end, so that earlier places stay where they are.
        edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
        edits.iter().rev().for_each(|edit| text.replace_range(edit.span.range(), &edit.replacement));
        mended.texts.insert(file, text);
    }
    mended
}

fn overlaps(edit: &Edit, others: &[Edit]) -> bool {
    others.iter().any(|other| other.span.start < edit.span.end && edit.span.start < other.span.end)
}
