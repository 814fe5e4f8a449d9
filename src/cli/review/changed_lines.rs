//! The lines that the work changed: a forge shows notes on no others, and what was there before is not of this work.

use std::collections::{BTreeMap, BTreeSet};

use similar::{ChangeTag, TextDiff};

use crate::git::Snapshot;
use crate::review::ReviewedFinding;

/// The lines of files, counted from 1, that one snapshot has and another has not.
pub(super) struct ChangedLines(BTreeMap<String, BTreeSet<usize>>);

impl ChangedLines {
    /// Compares two snapshots.
    pub(super) fn between(base: &Snapshot, head: &Snapshot) -> Self {
        let before: BTreeMap<&str, _> = base.files.iter().map(|file| (file.path.as_str(), file)).collect();
        let changed = head.files.iter().filter_map(|file| {
            let old = before.get(file.path.as_str());
            if old.is_some_and(|old| old.blob == file.blob) {
                return None;
            }
            let old = old.map(|old| String::from_utf8_lossy(&old.bytes)).unwrap_or_default();
            Some((file.path.clone(), added(&old, &String::from_utf8_lossy(&file.bytes))))
        });
        Self(changed.collect())
    }

    /// Notes of each finding whether all of its lines are among them.
    pub(super) fn mark(&self, findings: &mut [ReviewedFinding]) {
        for finding in findings {
            let (mut first, mut last) = (finding.place.line, finding.end_line);
            if let Some(suggestion) = &finding.suggestion {
                (first, last) = (suggestion.first, suggestion.last);
            }
            let lines = self.0.get(&finding.place.file);
            finding.on_changed_lines = lines.is_some_and(|lines| (first..=last).all(|line| lines.contains(&line)));
        }
    }
}

/// The lines of a text that are not of an older one.
fn added(old: &str, new: &str) -> BTreeSet<usize> {
    let diff = TextDiff::from_lines(old, new);
    let added = diff.iter_all_changes().filter(|change| change.tag() == ChangeTag::Insert);
    added.filter_map(|change| Some(change.new_index()? + 1)).collect()
}
