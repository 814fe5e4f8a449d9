//! Which change is meant: where it begins and ends, what it makes of the garden, and whose word counts.

use std::collections::BTreeMap;

use super::super::place;
use super::super::workspace::garden_at;
use super::super::{CommandFailure, check::plural};
use crate::consent::ChangeId;
use crate::git::{ChangedFiles, CommitId, FirstParents, Repository, Workspace};
use crate::model::Person;
use crate::name::Name;
use crate::visible;

/// The most merges that are looked through for the one that brought a commit.
const MOST_MERGES: usize = 10_000;
/// The most files that are named.
const MOST_NAMED: usize = 8;

/// A change that somebody looks at.
pub(super) struct LookedAt {
    pub(super) garden: Name,
    /// The people of the branch that it goes to.
    pub(super) people: BTreeMap<Name, Person>,
    pub(super) change: ChangeId,
    pub(super) base: CommitId,
    pub(super) head: CommitId,
    /// The latest commit of the branch that it goes to, or is on.
    pub(super) target: String,
    content: ChangedFiles,
    /// Whether it is on that branch already.
    is_merged: bool,
}

/// The garden's name and people at a revision, or at the branch that work goes to.
pub(super) fn people(
    workspace: &Workspace,
    target: Option<&str>,
) -> Result<(Name, BTreeMap<Name, Person>), CommandFailure> {
    let named = workspace.repository()?.target_tip(&place::target()).map(|(_, tip)| tip.0);
    let target = target.map(str::to_owned).or(named).unwrap_or_else(|| "HEAD".to_owned());
    let garden = garden_at(workspace, &target)?;
    let none = || {
        let title = format!("the garden at {} cannot be read", visible::line(&target));
        CommandFailure::asked(title, "parcelle check says why")
    };
    garden.map(|garden| (garden.name, garden.people)).ok_or_else(none)
}

impl LookedAt {
    /// What a revision means: of work, what lies between its beginning and its end; of what is merged, the step that brought it.
    pub(super) fn of(
        workspace: &Workspace,
        revision: Option<&str>,
        base: Option<&str>,
    ) -> Result<Self, CommandFailure> {
        let repository = workspace.repository()?;
        let revision = revision.unwrap_or("HEAD");
        let tip = match base {
            Some(base) => Some(repository.commit(base)?.id),
            None => repository.target_tip(&place::target()).map(|(_, tip)| tip),
        };
        let (base, head, is_merged) = if let Some((base, head)) = revision.split_once("..") {
            (repository.commit(base)?.id, repository.commit(head)?.id, false)
        } else {
            let head = repository.commit(revision)?.id;
            match &tip {
                Some(tip) if !repository.holds(tip, &head) => (repository.shared(&head.0, &tip.0)?, head, false),
                tip => {
                    let (before, after) = brought(repository, tip.as_ref().unwrap_or(&head), &head)?;
                    same_as_merged(workspace, revision, (&before, &after), &head)?;
                    (before, after, true)
                }
            }
        };
        let target = tip.map_or_else(|| head.0.clone(), |tip| tip.0);
        let (garden, people) = people(workspace, Some(&target))?;
        let content = repository.content(&base, &head, &workspace.folder_in_repository())?;
        if content.files.is_empty() {
            let title = format!("{} changes nothing of the garden", visible::line(revision));
            return Err(CommandFailure::asked(
                title,
                "name the branch or commit that does; what is not committed is no part of it",
            ));
        }
        let change = ChangeId::of(&content, &garden);
        Ok(Self { garden, people, change, base, head, target, content, is_merged })
    }

    /// That files on disk differ from what is checked out and signed: whoever signs may take them for a part of it.
    pub(super) fn uncommitted(&self, workspace: &Workspace, revision: Option<&str>) -> Option<String> {
        let checked_out = workspace.repository().ok()?.commit("HEAD").ok()?;
        let files = if checked_out.id == self.head { workspace.uncommitted(&self.head.0).ok()? } else { Vec::new() };
        let (count, verb, them) = match files.len() {
            0 => return None,
            1 => (plural(1, "file"), "differs", "is"),
            count => (plural(count, "file"), "differ", "are"),
        };
        let revision = visible::line(revision.unwrap_or("HEAD"));
        Some(format!("{count} {verb} from {revision} and {them} not part of what you sign: {}", named(files.iter())))
    }

    /// What is looked at, for whoever signs it.
    pub(super) fn words(&self) -> String {
        let how = if self.is_merged { ", merged already" } else { "" };
        let (base, head) = (self.base.short(), self.head.short());
        format!(
            "the change {} of {}: {base} to {head}{how}; {}",
            self.change.short(),
            self.garden,
            named(self.content.files.keys())
        )
    }
}

/// The first of some files by name, and how many more there are.
fn named<'a>(files: impl ExactSizeIterator<Item = &'a String>) -> String {
    let more = files.len().saturating_sub(MOST_NAMED);
    let more = if more > 0 { format!(" and {} more", plural(more, "file")) } else { String::new() };
    let first: Vec<String> = files.take(MOST_NAMED).map(|path| visible::line(path)).collect();
    format!("{}{more}", first.join(", "))
}

/// Refuses a revision whose merge holds something else than it does: who names the one must not sign the other.
fn same_as_merged(
    workspace: &Workspace,
    revision: &str,
    (before, after): (&CommitId, &CommitId),
    head: &CommitId,
) -> Result<(), CommandFailure> {
    let (repository, folder) = (workspace.repository()?, workspace.folder_in_repository());
    if head == after {
        return Ok(());
    }
    let base = repository.shared(&head.0, &before.0)?;
    if repository.content(&base, head, &folder)? == repository.content(before, after, &folder)? {
        return Ok(());
    }
    let title = format!("{} is merged, and {} brought something else with it", visible::line(revision), after.short());
    let whole = format!("{}..{}", before.short(), after.short());
    Err(CommandFailure::asked(title, format!("look at `git diff {whole}`, then name that: {whole}")))
}

/// The step of a branch that brought a commit: the first parent before it, and the commit that came.
fn brought(repository: &Repository, tip: &CommitId, commit: &CommitId) -> Result<(CommitId, CommitId), CommandFailure> {
    let nothing = || CommandFailure::asked("nobody was asked about the first commit", "name a later one");
    let mut after = tip.clone();
    for _ in 0..MOST_MERGES {
        let FirstParents::Line(line) = repository.first_parents_of(&after)? else { return Err(nothing()) };
        let [before, _] = line.as_slice() else { return Err(nothing()) };
        if !repository.holds(before, commit) {
            return Ok((before.clone(), after));
        }
        after = before.clone();
    }
    Err(CommandFailure::asked("the commit is too far back", "name it as BASE..HEAD"))
}
