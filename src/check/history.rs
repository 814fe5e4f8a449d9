//! What a check leaves to the history: of claims that nothing else tells apart, the oldest counts.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::{Checked, Memo, check_again};
use crate::git::{CommitId, Repository, Snapshot};
use crate::model::{Age, Past, WrittenClaim};

/// How often a check may ask: which of two files counts can bring claims to light that were not seen before.
pub(crate) const MOST_QUESTIONS: usize = 4;

/// What the history said last of claims, and what it was asked.
#[derive(Debug, Default)]
pub(crate) struct History {
    asked: Option<(Option<CommitId>, BTreeSet<WrittenClaim>)>,
    ages: BTreeMap<WrittenClaim, Age>,
}

impl History {
    /// Asks about what a check left undecided; says whether the answer is another than before. IO: the repository's history.
    pub(crate) fn ask(&mut self, repository: Option<&Repository>, checked: &Checked) -> bool {
        let undecided = checked.garden.as_ref().map(|garden| &garden.undecided).filter(|claims| !claims.is_empty());
        let Some(((claims, repository), boundary)) = undecided.zip(repository).zip(checked.boundary.as_ref()) else {
            return false;
        };
        let commit = checked.commit.as_ref().map(|commit| commit.id.clone());
        let revision = commit.as_ref().map_or("HEAD", |commit| &commit.0).to_owned();
        let asked = Some((commit, claims.clone()));
        if self.asked == asked {
            return false;
        }
        let ages = claims.iter().cloned().zip(repository.ages(&revision, boundary, claims.iter()));
        let ages = ages.filter_map(|(claim, age)| Some((claim, age?))).collect();
        self.asked = asked;
        std::mem::replace(&mut self.ages, ages) != self.ages
    }

    /// A past, with what the history said.
    pub(crate) fn known<'p>(&self, past: Option<&'p Past>) -> Option<Cow<'p, Past>> {
        if self.ages.is_empty() {
            return past.map(Cow::Borrowed);
        }
        Some(Cow::Owned(Past { ages: self.ages.clone(), ..past.cloned().unwrap_or_default() }))
    }
}

/// Checks files, of a commit or as they lie on disk; what that leaves undecided the history decides, where it can. IO: the
/// repository's history.
pub(crate) fn check_in_history(
    memo: &mut Memo,
    snapshot: &Snapshot,
    past: Option<&Past>,
    repository: Option<&Repository>,
    now: jiff::Timestamp,
) -> Checked {
    let mut history = History::default();
    let mut checked = check_again(memo, snapshot.clone(), past, now);
    for _ in 0..MOST_QUESTIONS {
        if !history.ask(repository, &checked) {
            break;
        }
        checked = check_again(memo, snapshot.clone(), history.known(past).as_deref(), now);
    }
    checked
}
