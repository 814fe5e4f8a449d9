//! The reviews of a forge, as far as consent asks for them: which merge requests brought a commit, who wrote them, who approved of which
//! commit, and who objects.
//!
//! ```text
//! commits of a change ─▶ ForgeProject::merged ─▶ ForgeAnswer ─▶ heard ─▶ voices, authors, what does not count
//!                        (IO, asked politely)                   (pure but for Git)
//! ```
//!
//! A forge is believed in who said what of which commit, and in nothing else: what that commit changes is read from the repository, so
//! that a review of another content is of another change by itself. Only merged requests of the branch that is followed count. A forge that
//! does not answer gives no voices and an error.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use super::client::ForgeClient;
use super::connect::{ForgeAddress, ForgeRoots, ForgeToken};
use super::{ForgeError, ForgeKind, Patience};
use crate::consent::ConsentWord;
use crate::git::CommitId;
use crate::model;

pub(crate) mod credentials;
mod forgejo;
mod github;
mod gitlab;
mod heard;
mod said;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use heard::{ForgeUnheard, HeardReviews, Hearing, heard, stands};
pub(crate) use source::{ProjectAddress, is_project};

/// The most commits of one change that a forge is asked about.
pub(crate) const MOST_COMMITS: usize = 20;
/// The most merge requests that may claim one commit.
const MOST_CLAIMS: usize = 10;
/// The most pages of one list of reviews, versions or pushes.
const MOST_PAGES: usize = 20;
/// The most questions to a forge in one round, each a thing or a list.
const MOST_QUESTIONS: usize = 300;
/// A commit that no request claims is asked about again after so many rounds at most.
const MOST_ROUNDS_APART: u64 = 64;

/// What a forge says of a change: by merge request, in the order of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ForgeAnswer {
    pub(crate) requests: Vec<RequestReviews>,
    /// Commits that were not asked about, since the change has more than [`MOST_COMMITS`].
    pub(crate) unasked: usize,
}

/// Who wrote a merge request, and what was said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestReviews {
    pub(crate) number: u64,
    /// The latest commit of the work.
    pub(crate) head: CommitId,
    /// The commits of the work, where the forge lists them.
    pub(crate) commits: BTreeSet<CommitId>,
    /// The account that opened it.
    pub(crate) opener: String,
    /// Accounts that pushed to it or wrote a commit of it, where the forge names them.
    pub(crate) pushers: BTreeSet<String>,
    /// Whether the forge let the pushers be read.
    pub(crate) knows_pushers: bool,
    /// What stands of the reviews.
    pub(crate) said: Vec<ReviewSaid>,
    /// Approvals and objections that count for nothing.
    pub(crate) discounted: Vec<ForgeUnheard>,
}

/// An approval or an objection as a forge has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReviewSaid {
    pub(crate) account: String,
    /// [`ConsentWord::Approve`] or [`ConsentWord::Object`].
    pub(crate) word: ConsentWord,
    /// The commit that they looked at.
    pub(crate) head: CommitId,
    /// In Unix seconds, as the forge says.
    pub(crate) when: i64,
    /// In their words; empty for an approval.
    pub(crate) reason: String,
}

/// A merge request that claims a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FoundRequest {
    number: u64,
    head: CommitId,
    opener: String,
    branch: String,
    is_merged: bool,
    /// When something happened to it last, as the forge says.
    updated: String,
    /// Whether it goes to the project that was asked, and to no other one.
    is_here: bool,
}

/// A change on the line that is followed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MergedChange<'a> {
    /// The branch that is followed, without `refs/heads/`.
    pub(crate) branch: &'a str,
    /// The commit that it comes to.
    pub(crate) after: &'a CommitId,
    /// The commits of the line between both ends, neither of them among these.
    pub(crate) between: &'a [CommitId],
}

/// A project on a forge, whose reviews are read.
pub(crate) struct ForgeProject {
    client: ForgeClient,
    reader: ReviewReader,
    /// Requests that were found, by branch and commit: what is merged stays so.
    found: RefCell<BTreeMap<(String, CommitId), Vec<FoundRequest>>>,
    /// Commits that no request claims: the round in which each is asked about again, and how many rounds that was put off.
    unclaimed: RefCell<BTreeMap<(String, CommitId), (u64, u64)>>,
    /// What was read in this round.
    read: RefCell<BTreeMap<u64, RequestReviews>>,
    questions: Cell<usize>,
    round: Cell<u64>,
    /// Whether the forge showed the project itself.
    is_there: Cell<bool>,
}

impl ForgeProject {
    /// A project that a garden names, asked with a token where there is one.
    ///
    /// # Errors
    /// The address is none of such a forge, or the roots cannot be read.
    pub(crate) fn new(
        kind: model::ForgeWord,
        address: &str,
        token: Option<ForgeToken>,
        roots: &ForgeRoots,
        patience: Patience,
    ) -> Result<Self, ForgeError> {
        let kind = ForgeKind::from(kind);
        let ProjectAddress { api, repository } = source::project(kind, address)?;
        let api = ForgeAddress::new(kind, &api, false)?;
        let client = ForgeClient::reading(kind, api, token, roots, patience)?;
        Ok(Self {
            client,
            reader: ReviewReader::new(kind, &repository)?,
            found: RefCell::default(),
            unclaimed: RefCell::default(),
            read: RefCell::default(),
            questions: Cell::new(0),
            round: Cell::new(0),
            is_there: Cell::new(false),
        })
    }

    /// Begins a round: there is time again, and reviews are read anew.
    pub(crate) fn begin_round(&self) {
        self.client.allow(self.client.patience().total);
        self.read.borrow_mut().clear();
        self.questions.set(0);
        self.round.set(self.round.get() + 1);
    }

    /// Reads what the forge says of a change that was merged.
    ///
    /// # Errors
    /// The forge does not answer, or answers what cannot be read or has no end.
    pub(crate) fn merged(&self, change: &MergedChange<'_>) -> Result<ForgeAnswer, ForgeError> {
        // The last commits of a change say most: the merge itself, what was squashed, the end of what was rebased.
        let commits = std::iter::once(change.after).chain(change.between.iter().rev());
        let mut requests = BTreeMap::new();
        for commit in commits.take(MOST_COMMITS) {
            for request in self.requests_of(commit, change.branch)? {
                if let std::collections::btree_map::Entry::Vacant(entry) = requests.entry(request.number) {
                    entry.insert(self.reviews_of(&request)?);
                }
            }
        }
        let unasked = (change.between.len() + 1).saturating_sub(MOST_COMMITS);
        Ok(ForgeAnswer { requests: requests.into_values().collect(), unasked })
    }

    /// The requests that were merged into a branch and claim a commit.
    fn requests_of(&self, commit: &CommitId, branch: &str) -> Result<Vec<FoundRequest>, ForgeError> {
        let key = (branch.to_owned(), commit.clone());
        if let Some(found) = self.found.borrow().get(&key) {
            return Ok(found.clone());
        }
        // A forge may know a moment later what a push brought; commits of no request stay so.
        let put_off = self.unclaimed.borrow().get(&key).copied();
        if put_off.is_some_and(|(again, _)| self.round.get() < again) {
            return Ok(Vec::new());
        }
        self.count()?;
        let mut found = match self.reader.requests_of(&self.client, commit) {
            // A commit that the forge does not know was brought by none of its requests.
            Err(error) if matches!(error.status(), Some(404 | 422)) => {
                self.look_at_project()?;
                Vec::new()
            }
            found => found?,
        };
        found.retain(|request| request.is_merged && request.is_here && request.branch == branch);
        if found.len() > MOST_CLAIMS {
            let why = format!("more than {MOST_CLAIMS} merge requests claim {}", commit.short());
            return Err(ForgeError::Unreadable { doing: FIND, why, may_be_done: false });
        }
        if found.is_empty() {
            let apart = put_off.map_or(1, |(_, apart)| (apart * 2).min(MOST_ROUNDS_APART));
            self.unclaimed.borrow_mut().insert(key, (self.round.get() + apart, apart));
        } else {
            self.unclaimed.borrow_mut().remove(&key);
            self.found.borrow_mut().insert(key, found.clone());
        }
        Ok(found)
    }

    /// Looks at the project itself: of one that may not be read, forges say that nothing is there.
    fn look_at_project(&self) -> Result<(), ForgeError> {
        if !self.is_there.get() {
            self.count()?;
            self.client.get(LOOK, &self.reader.root)?;
            self.is_there.set(true);
        }
        Ok(())
    }

    fn reviews_of(&self, request: &FoundRequest) -> Result<RequestReviews, ForgeError> {
        if let Some(read) = self.read.borrow().get(&request.number) {
            return Ok(read.clone());
        }
        self.count()?;
        let read = self.reader.reviews_of(&self.client, request)?;
        self.read.borrow_mut().insert(request.number, read.clone());
        Ok(read)
    }

    fn count(&self) -> Result<(), ForgeError> {
        let asked = self.questions.get() + 1;
        self.questions.set(asked);
        if asked > MOST_QUESTIONS {
            let why = format!("a round asks {MOST_QUESTIONS} questions at most");
            return Err(ForgeError::NoAnswer { doing: FIND, why, may_be_done: false });
        }
        Ok(())
    }
}

/// Whether an error is about one request alone, so that the forge can be asked about others.
pub(crate) fn is_of_one_request(error: &ForgeError) -> bool {
    match error {
        ForgeError::Unreadable { .. } => true,
        ForgeError::Refused { doing, status, .. } => *doing != LOOK && !matches!(status, 401 | 403 | 429 | 500..),
        ForgeError::NoAnswer { .. } | ForgeError::AskedToWait { .. } | ForgeError::Setting(_) => false,
    }
}

/// What is done when merge requests are looked for, and when what was said of one is read.
const FIND: &str = "find the merge request of a commit";
const READ: &str = "read the reviews";
/// What is done when it is found out whether the project can be read at all.
const LOOK: &str = "look at the project";

/// How the reviews of one project are read.
#[derive(Clone, Debug)]
pub(super) struct ReviewReader {
    kind: ForgeKind,
    /// As people write it: `OWNER/NAME`, `GROUP/…/NAME`, or GitLab's number.
    repository: String,
    /// The path of the API: `/repos/OWNER/NAME`, `/projects/PATH`.
    root: String,
}

impl ReviewReader {
    pub(super) fn new(kind: ForgeKind, repository: &str) -> Result<Self, ForgeError> {
        let root = match kind {
            ForgeKind::GitLab => format!("/projects/{}", super::read::whole_path(repository)?),
            ForgeKind::GitHub | ForgeKind::Forgejo | ForgeKind::Gitea => {
                format!("/repos/{}", super::read::plain_repository(repository)?)
            }
        };
        Ok(Self { kind, repository: repository.to_owned(), root })
    }

    fn requests_of(&self, client: &ForgeClient, commit: &CommitId) -> Result<Vec<FoundRequest>, ForgeError> {
        match self.kind {
            ForgeKind::GitHub => github::requests_of(self, client, commit),
            ForgeKind::GitLab => gitlab::requests_of(self, client, commit),
            ForgeKind::Forgejo | ForgeKind::Gitea => forgejo::requests_of(self, client, commit),
        }
    }

    fn reviews_of(&self, client: &ForgeClient, request: &FoundRequest) -> Result<RequestReviews, ForgeError> {
        match self.kind {
            ForgeKind::GitHub => github::reviews_of(self, client, request),
            ForgeKind::GitLab => gitlab::reviews_of(self, client, request),
            ForgeKind::Forgejo | ForgeKind::Gitea => forgejo::reviews_of(self, client, request),
        }
    }

    /// Reads what is said of a request that a command is about, whatever its state.
    pub(super) fn of_request(&self, client: &ForgeClient, number: u64) -> Result<RequestReviews, ForgeError> {
        let request = match self.kind {
            ForgeKind::GitHub | ForgeKind::Forgejo | ForgeKind::Gitea => github::request(self, client, number),
            ForgeKind::GitLab => gitlab::request(self, client, number),
        }?;
        self.reviews_of(client, &request)
    }
}

impl From<model::ForgeWord> for ForgeKind {
    fn from(kind: model::ForgeWord) -> Self {
        match kind {
            model::ForgeWord::Github => Self::GitHub,
            model::ForgeWord::Gitlab => Self::GitLab,
            model::ForgeWord::Forgejo => Self::Forgejo,
            model::ForgeWord::Gitea => Self::Gitea,
        }
    }
}
