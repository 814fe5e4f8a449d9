//! Which kinds of change a reviewed change is, as consent asks for them.

use std::collections::BTreeSet;

use super::super::workspace::now;
use crate::check::Checked;
use crate::consent::Between;
use crate::git::{CommitId, Repository, Workspace};
use crate::impact::EditedLines;
use crate::model::Class;

/// The kinds of a change by what it does and what it edits; who wrote it is not asked here.
pub(super) fn classes_of(
    (workspace, repository): (&Workspace, &Repository),
    (base, head): (&CommitId, &CommitId),
    before: Option<&Checked>,
    after: &Checked,
) -> Option<BTreeSet<Class>> {
    let content = repository.content(base, head, &workspace.folder_in_repository()).ok()?;
    let (old, new) = repository.both_sides(&content);
    let edits = EditedLines::between(&old, &new);
    let (before, after) = (before.and_then(|before| before.garden.as_ref()), after.garden.as_ref());
    Some(Between { before, after, edits: &edits, now: now() }.classes())
}
