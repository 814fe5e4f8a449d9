//! Reviews of the merge request, and what its merge made of it, as each forge shows them.

use serde_json::{Value, json};

use super::World;
use super::world::Person;

/// What somebody says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Approve,
    Object,
    Comment,
}

/// A review as it was given.
#[derive(Clone, Debug)]
pub(crate) struct Review {
    pub(crate) id: u64,
    pub(crate) author: Person,
    pub(crate) says: Says,
    /// The commit that the author looked at.
    pub(crate) commit: String,
    pub(crate) at: String,
    pub(crate) body: String,
    pub(crate) dismissed: bool,
}

/// A push to the merge request.
#[derive(Clone, Debug)]
pub(crate) struct Push {
    pub(crate) by: Person,
    pub(crate) head: String,
    pub(crate) at: String,
}

/// The commits of the main branch that a merge made or brought, the oldest first. The last one is what a forge records.
#[derive(Clone, Debug)]
pub(crate) struct Merged(pub(crate) Vec<String>);

impl World {
    /// A time a minute after everything that happened before.
    fn later(&self) -> String {
        let at = self.pushes.len() + self.reviews.len();
        format!("2025-11-30T{:02}:{:02}:00.250Z", 8 + at / 60, at % 60)
    }

    /// Somebody pushes a commit to the merge request.
    pub(crate) fn push(&mut self, login: &str, head: &str) {
        let push = Push { by: who(login), head: head.to_owned(), at: self.later() };
        self.pushes.push(push);
        head.clone_into(&mut self.head);
    }

    /// Somebody reviews what the merge request is at.
    pub(crate) fn review(&mut self, login: &str, says: Says, body: &str) {
        let (id, at, commit) = (self.number(), self.later(), self.head.clone());
        let author = who(login);
        self.reviews.push(Review { id, author, says, commit, at, body: body.to_owned(), dismissed: false });
    }

    /// What somebody said is dismissed, or taken back.
    pub(crate) fn dismiss(&mut self, login: &str) {
        let own = self.reviews.iter_mut().filter(|review| review.author.login == login);
        own.for_each(|review| review.dismissed = true);
    }

    /// The merge request is merged, as the commits of the main branch that came of it.
    pub(crate) fn merge(&mut self, commits: &[&str]) {
        self.state = "merged";
        self.merged = Some(Merged(commits.iter().map(|&commit| commit.to_owned()).collect()));
    }

    /// Whether a commit is the request's: of its work, or what its merge made.
    pub(super) fn is_of_request(&self, commit: &str) -> bool {
        let made = self.merged.iter().any(|merged| merged.0.iter().any(|one| one == commit));
        made || self.pushes.iter().any(|push| push.head == commit)
    }

    /// Whether a commit is what the merge recorded.
    pub(super) fn is_recorded(&self, commit: &str) -> bool {
        self.merged.as_ref().and_then(|merged| merged.0.last()).is_some_and(|last| last == commit)
    }

    pub(super) fn reviews_of_github(&self) -> Vec<Value> {
        let of = |review: &Review| {
            let state = match review.says {
                Says::Comment => "COMMENTED",
                _ if review.dismissed => "DISMISSED",
                Says::Approve => "APPROVED",
                Says::Object => "CHANGES_REQUESTED",
            };
            let (at, user) = (review.at.replace(".250", ""), review.author.shown());
            json!({"id": review.id, "state": state, "user": user, "commit_id": review.commit, "submitted_at": at, "body": review.body})
        };
        self.reviews.iter().map(of).collect()
    }

    pub(super) fn reviews_of_forgejo(&self) -> Vec<Value> {
        let of = |review: &Review| {
            let state = match review.says {
                Says::Comment => "COMMENT",
                Says::Approve => "APPROVED",
                Says::Object => "REQUEST_CHANGES",
            };
            json!({
                "id": review.id,
                "state": state,
                "user": review.author.shown(),
                "commit_id": review.commit,
                "submitted_at": review.at.replace(".250Z", "+00:00"),
                "body": review.body,
                "dismissed": review.dismissed,
                "stale": review.commit != self.head,
                "official": true,
                "comments_count": 0,
            })
        };
        self.reviews.iter().map(of).collect()
    }

    /// Those whose last word is an approval that nobody took back; of which commit is not said.
    pub(super) fn approvals_of_gitlab(&self) -> Value {
        let is_last = |review: &&Review| self.last_of(&review.author).is_some_and(|last| last.id == review.id);
        let yes =
            self.reviews.iter().filter(is_last).filter(|review| review.says == Says::Approve && !review.dismissed);
        let by = yes.map(|review| json!({"user": review.author.shown(), "approved_at": review.at}));
        let by: Vec<Value> = by.collect();
        json!({"approved": !by.is_empty(), "approved_by": by})
    }

    pub(super) fn reviewers_of_gitlab(&self) -> Vec<Value> {
        let last =
            self.reviews.iter().filter(|review| self.last_of(&review.author).is_some_and(|last| last.id == review.id));
        let of = |review: &Review| {
            let state = match review.says {
                _ if review.dismissed => "unreviewed",
                Says::Approve => "approved",
                Says::Object => "requested_changes",
                Says::Comment => "reviewed",
            };
            json!({"user": review.author.shown(), "state": state, "created_at": "2025-11-30T07:00:00.000Z"})
        };
        last.map(of).collect()
    }

    /// The last review of somebody that is more than a comment, else the last one.
    fn last_of(&self, author: &Person) -> Option<&Review> {
        let own = || self.reviews.iter().rev().filter(|review| review.author == *author);
        own().find(|review| review.says != Says::Comment).or_else(|| own().next())
    }

    pub(super) fn versions_of_gitlab(&self) -> Vec<Value> {
        let of = |push: &Push| json!({"head_commit_sha": push.head, "created_at": push.at, "state": "collected"});
        self.pushes.iter().rev().map(of).collect()
    }

    /// What GitLab notes by itself.
    pub(super) fn activity_of_gitlab(&self) -> Vec<Value> {
        let note = |by: &Person, at: &str, body: &str| json!({"id": 1, "system": true, "author": by.shown(), "created_at": at, "body": body});
        let pushes = self.pushes.iter().skip(1);
        let pushes = pushes.map(|push| note(&push.by, &push.at, "added 1 commit\n\n<ul><li>0123 - x</li></ul>"));
        let said = self.reviews.iter().filter(|review| review.says != Says::Comment).map(|review| {
            let body = if review.says == Says::Object { "requested changes" } else { "approved this merge request" };
            note(&review.author, &review.at, body)
        });
        pushes.chain(said).collect()
    }
}

/// The account of a login: the same number each time.
pub(super) fn who(login: &str) -> Person {
    let number = login.bytes().fold(1_000, |number: u64, byte| number * 31 % 9_973 + u64::from(byte));
    Person::new(number, login)
}
