//! IO: statements, fetched into the objects of a mirror. No ref of the mirror is written: nothing that a remote names moves one of ours.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::choice::Choice;
use super::{LARGEST_STATEMENT, PUSHED, Statements};
use crate::cause::reason_of;
use crate::git::mirror::FetchLimits;
use crate::git::{GitError, RemoteMirror};
use crate::name::Name;

/// How many refs one fetch asks for.
const AT_ONCE: usize = 2_000;
/// How many fetches one look takes at most: where one of many cannot be fetched, it is looked for.
const MOST_TRIES: usize = 64;
/// How often a commit is asked for that could not be fetched; it is asked for alone.
const MOST_FAILURES: u32 = 3;
/// The objects of a statement: its commit, folder and file.
const OBJECTS: usize = 3;
/// The most bytes of a statement's commit and folder in a pack.
const AROUND: usize = 4 << 10;
/// What a server may send besides: one that brings still more is a ref to no statement.
const SPARE_BYTES: usize = 1 << 20;
const SPARE_OBJECTS: usize = 64;

/// What a mirror knows of statements.
pub(in crate::git) struct HeldStatements {
    /// What each commit that was chosen holds, or why it is no statement.
    contents: BTreeMap<git2::Oid, Result<Arc<[u8]>, String>>,
    /// How often each commit could not be fetched.
    failures: BTreeMap<git2::Oid, u32>,
    latest: Arc<Statements>,
}

impl Default for HeldStatements {
    fn default() -> Self {
        let silent = Some("the refs of statements were not looked at yet".to_owned());
        let latest = Arc::new(Statements { silent, ..Statements::default() });
        Self { contents: BTreeMap::new(), failures: BTreeMap::new(), latest }
    }
}

impl RemoteMirror {
    /// The statements as they were looked at last.
    pub(crate) fn statements(&self) -> Arc<Statements> {
        Arc::clone(&self.held.latest)
    }

    /// Brings the statements of the repository; those of people who are known come before others. Where the repository cannot be
    /// asked, what is known stays, and says so. What is there in other namespaces is not asked for.
    ///
    /// # Errors
    /// The repository cannot be asked.
    pub(crate) fn fetch_statements(&mut self, known: &BTreeSet<Name>) -> Result<(), GitError> {
        let offered = match self.offered(PUSHED) {
            Ok(offered) => offered,
            Err(error) => {
                self.miss_statements(&error);
                return Err(error);
            }
        };
        let is_held = |id: &git2::Oid| matches!(self.held.contents.get(id), Some(Ok(_)));
        let choice = Choice::of(offered, &is_held, known);
        self.read_held(&choice);
        self.bring_new(&choice);
        let chosen: BTreeSet<git2::Oid> = choice.chosen.iter().map(|(_, _, id)| *id).collect();
        self.held.contents.retain(|id, _| chosen.contains(id));
        self.held.failures.retain(|id, _| chosen.contains(id));
        let latest = Statements::of(choice, |id| self.held.contents.get(&id).cloned());
        if *self.held.latest != latest {
            self.held.latest = Arc::new(latest);
        }
        Ok(())
    }

    /// Takes note that the refs of statements could not be looked at.
    pub(crate) fn miss_statements(&mut self, error: &GitError) {
        let silent = Some(format!("the refs of statements could not be looked at: {}", reason_of(error)));
        if self.held.latest.silent != silent {
            self.held.latest = Arc::new(Statements { silent, ..Statements::clone(&self.held.latest) });
        }
    }

    /// Reads chosen commits that the mirror has and that were not read yet.
    fn read_held(&mut self, choice: &Choice) {
        let Ok(objects) = self.repository().inner().odb() else { return };
        let unread: BTreeSet<git2::Oid> = choice.chosen.iter().map(|(_, _, id)| *id).collect();
        let there = unread.into_iter().filter(|id| {
            !self.held.contents.contains_key(id) && objects.exists_ext(*id, git2::OdbLookupFlags::NO_REFRESH)
        });
        let read: Vec<_> = there.filter_map(|id| Some((id, self.repository().statement(id)?))).collect();
        drop(objects);
        self.held.contents.extend(read);
    }

    /// Fetches and reads chosen commits that the mirror lacks: many at once, and one by one those that could not be fetched before.
    fn bring_new(&mut self, choice: &Choice) {
        let lacking = choice.chosen.iter().filter(|(_, _, id)| !self.held.contents.contains_key(id));
        let (again, new): (Vec<_>, Vec<_>) = lacking
            .map(|(name, _, id)| (name.clone(), *id))
            .filter(|(_, id)| self.held.failures.get(id).is_none_or(|failures| *failures < MOST_FAILURES))
            .partition(|(_, id)| self.held.failures.contains_key(id));
        let mut tries = MOST_TRIES;
        for some in new.chunks(AT_ONCE).chain(again.chunks(1)) {
            self.bring_some(some, &mut tries);
        }
        if !(new.is_empty() && again.is_empty()) {
            // Packs that came are seen from here on.
            let _stays = self.repository().inner().odb().and_then(|objects| objects.refresh());
            self.read_held(choice);
        }
    }

    /// Fetches some; where one of them cannot be, the others are by themselves.
    fn bring_some(&mut self, some: &[(String, git2::Oid)], tries: &mut usize) {
        let Some(left) = tries.checked_sub(1) else { return };
        *tries = left;
        let names: Vec<String> = some.iter().map(|(name, _)| format!("{PUSHED}{name}")).collect();
        // A folder gives what all of its refs name at once, whatever is asked for.
        let limits = (!self.is_of_a_folder()).then(|| FetchLimits {
            bytes: some.len() * (LARGEST_STATEMENT + AROUND) + SPARE_BYTES,
            objects: some.len() * OBJECTS + SPARE_OBJECTS,
        });
        let error = match self.bring_within(&names, limits) {
            Ok(()) => return,
            Err(error) => error,
        };
        match some {
            [] => {}
            [(_, id)] if limits.is_some() && error.is_too_much() => {
                drop(self.held.contents.insert(*id, Err("it brings more than a statement has".to_owned())));
            }
            [(name, id)] => {
                tracing::debug!(%error, name, "a statement cannot be fetched");
                *self.held.failures.entry(*id).or_default() += 1;
            }
            some => {
                let (one, other) = some.split_at(some.len() / 2);
                self.bring_some(one, tries);
                self.bring_some(other, tries);
            }
        }
    }
}
