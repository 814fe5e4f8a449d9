//! Findings about what looks like files of the garden and is not read.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::finding::{Code, Finding, Findings};
use crate::git::{PassedOver, PassedOverEntries};
use crate::source::{FileId, SourceFile, Sources, Span};

/// An entry that looks like a file of the garden and is not read.
const PASSED_OVER: Code = Code::new("W0002");

/// The empty files that stand for entries that are not read, by path: a finding needs a place.
pub(super) type Stands = BTreeMap<String, FileId>;

/// Adds a finding for each entry that was passed over.
pub(super) fn tell(
    entries: &PassedOverEntries,
    stands: &mut Stands,
    sources: &mut Arc<Sources>,
    findings: &mut Findings,
) {
    for PassedOver { path, why } in &entries.first {
        let stand = || Arc::make_mut(sources).add(SourceFile::new(path, ""));
        let file = *stands.entry(path.clone()).or_insert_with(stand);
        let title = format!("not read: {}", why.words());
        findings.push(Finding::warning(PASSED_OVER, title, Span::new(file, 0..0)).help(why.help()));
    }
    let Some(last) = entries.first.last().and_then(|last| stands.get(&last.path)).filter(|_| entries.more > 0) else {
        return;
    };
    let title = format!("not read: {} entries more, for reasons like these", entries.more);
    findings.push(Finding::warning(PASSED_OVER, title, Span::new(*last, 0..0)));
}
