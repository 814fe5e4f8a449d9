//! IO: approvals that were signed for what the files were before they moved: a rebase over another edit of the same file, say.

use std::collections::{BTreeMap, BTreeSet};

use super::Reached;
use super::judged::LineJudge;
use crate::consent::{ChangeId, ConsentWord, Discounted, Missing, OpenChange, Via, Voice, moved_since};
use crate::engine::session::Session;
use crate::git::{ChangedFiles, CommitId, Repository};
use crate::name::Name;

/// The most approvals that are compared with what is open, the newest first.
const MOST_COMPARED: usize = 20;
/// The most commits whose remote was asked for them in vain that are remembered.
const MOST_ASKED: usize = 1_000;

impl LineJudge<'_> {
    /// The newest approvals that were signed for changes that are neither on the line nor used.
    pub(super) fn approvals_elsewhere(&self, rules: usize) -> Vec<Voice> {
        let voices = self.voices(rules);
        let used: BTreeSet<ChangeId> = self.state.borrow().record.used.iter().map(|used| used.change.clone()).collect();
        let steps: BTreeSet<ChangeId> =
            (0..self.walked.last()).map(|from| self.facts(from, from + 1).id.clone()).collect();
        let together = self.together();
        let is_elsewhere = |voice: &&Voice| {
            let change = &voice.change;
            voice.word == ConsentWord::Approve
                && matches!(voice.via, Via::Signature { .. })
                && !(used.contains(change) || steps.contains(change) || together.contains_key(change))
        };
        let mut found: Vec<Voice> = voices.0.iter().filter(is_elsewhere).cloned().collect();
        found.sort_by_key(|voice| std::cmp::Reverse(voice.when));
        found.truncate(MOST_COMPARED);
        found
    }
}

impl Session {
    /// Tells whose approval of what is open was given before a file of it moved, and which file that is. IO: the repository, and its
    /// remote once for each commit that it lacks.
    pub(super) async fn tell_moved(&mut self, agreed: &mut Reached, folder: &str) {
        let open = &mut agreed.agreement.open;
        let lacks = |missing: &Missing, person: &Name| missing.who.contains(person);
        let is_missed = |open: &OpenChange, person: &Name| open.verdict.missing.iter().any(|one| lacks(one, person));
        let mut approvals = std::mem::take(&mut agreed.elsewhere);
        approvals.retain(|voice| open.iter().any(|open| is_missed(open, &voice.person)));
        let asked = &mut self.consent.asked;
        if asked.len() > MOST_ASKED {
            asked.clear();
        }
        let commits: BTreeSet<CommitId> =
            approvals.iter().flat_map(|voice| [&voice.given.base, &voice.given.head]).cloned().collect();
        let new: Vec<CommitId> = commits.into_iter().filter(|commit| asked.insert(commit.clone())).collect();
        self.source.ask_for(new).await;
        let Some(repository) = self.source.repository() else { return };
        let mut told: BTreeSet<(usize, Name)> = BTreeSet::new();
        let mut contents: BTreeMap<ChangeId, Option<ChangedFiles>> = BTreeMap::new();
        for voice in approvals {
            let then = contents.entry(voice.change.clone()).or_insert_with(|| content(repository, &voice, folder));
            let Some(then) = then else { continue };
            for (at, one) in open.iter_mut().enumerate().filter(|(_, one)| is_missed(one, &voice.person)) {
                let Some(now) = one
                    .change
                    .files
                    .iter()
                    .any(|path| then.files.contains_key(path))
                    .then(|| repository.content(&one.change.before, &one.change.after, folder).ok())
                else {
                    continue;
                };
                if let Some(now) = now
                    && told.insert((at, voice.person.clone()))
                {
                    let why = moved_since(&voice.given.head, then, &now);
                    one.verdict.discounted.push(Discounted { person: voice.person.clone(), why });
                }
            }
        }
    }
}

/// What somebody approved; absent where the repository lacks a commit of it.
fn content(repository: &Repository, voice: &Voice, folder: &str) -> Option<ChangedFiles> {
    let (base, head) = (&voice.given.base, &voice.given.head);
    let is_held = repository.has(base) && repository.has(head);
    is_held.then(|| repository.content(base, head, folder).ok()).flatten()
}
