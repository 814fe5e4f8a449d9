//! Forges: where merge requests are, and how a plan is told there. The only module that talks to GitHub, GitLab, Forgejo and Gitea.
//!
//! `environment` finds out from a CI's variables which merge request this is about, `client` speaks HTTP, one file a forge says how
//! that forge is asked, and `publish` is the story of one posting, the same for all of them.

use std::fmt;

use crate::visible;

mod answer;
mod client;
mod comment;
mod connect;
pub(crate) mod consent;
mod environment;
mod failure;
mod forgejo;
mod github;
mod gitlab;
mod patience;
mod publish;
mod read;
mod rehearsal;
mod threads;

pub(crate) use client::ForgeClient;
pub(crate) use connect::{ForgeAddress, ForgeRoots, ForgeToken, open};
use consent::RequestReviews;
pub(crate) use environment::{CiEnvironment, CiPlace, PlaceFlags, find_place};
pub(crate) use failure::ForgeError;
pub(crate) use patience::{DEFAULT_SECONDS, Patience};
pub(crate) use publish::{
    Begun, CommentBody, CommentDone, LineNote, Posting, Published, begin, close, give_up, publish,
};
pub(crate) use rehearsal::Rehearsal;

/// The name of the status that a plan sets on its commit.
pub(crate) const STATUS_CONTEXT: &str = "parcelle/plan";
/// The name of the status that says whether those who must agree have agreed.
pub(crate) const CONSENT_CONTEXT: &str = "parcelle/consent";

/// A kind of forge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ForgeKind {
    /// GitHub, or GitHub Enterprise Server
    #[value(name = "github")]
    GitHub,
    /// GitLab
    #[value(name = "gitlab")]
    GitLab,
    /// Forgejo
    Forgejo,
    /// Gitea
    Gitea,
}

impl ForgeKind {
    /// All kinds, in the order in which they are listed.
    pub(crate) const ALL: [Self; 4] = [Self::GitHub, Self::GitLab, Self::Forgejo, Self::Gitea];

    /// Returns the most bytes of a comment. The limits are in characters, of which none has less than a byte; what the forge adds
    /// or counts otherwise has a margin.
    pub(crate) fn most_of_comment(self) -> usize {
        match self {
            Self::GitHub | Self::Forgejo | Self::Gitea => 65_000,
            Self::GitLab => 990_000,
        }
    }

    /// Returns the most characters of a status description.
    fn most_of_description(self) -> usize {
        match self {
            Self::GitLab => 255,
            Self::GitHub | Self::Forgejo | Self::Gitea => 140,
        }
    }
}

impl fmt::Display for ForgeKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
            Self::Forgejo => "Forgejo",
            Self::Gitea => "Gitea",
        })
    }
}

/// Whether a merge request can still be merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestState {
    Open,
    Closed,
    Merged,
}

/// A merge request as its forge shows it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MergeRequest {
    pub(crate) number: u64,
    pub(crate) state: RequestState,
    pub(crate) draft: bool,
    /// The latest commit of the work, in hexadecimal.
    pub(crate) head: String,
    /// The branch that it goes to.
    pub(crate) base_branch: String,
    /// The commit of that branch (its tip, or where the work began) where the forge names one.
    pub(crate) base: Option<String>,
    /// Whether the work lies in another repository, whose people may not write here.
    pub(crate) from_fork: bool,
    pub(crate) author: String,
    pub(crate) title: String,
}

/// An account of a forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ForgeAccount {
    /// Its number; unknown where a person named the account.
    pub(crate) id: Option<u64>,
    pub(crate) login: String,
}

impl ForgeAccount {
    /// Whether two accounts are one: by number where both are known, since logins can be given to somebody else.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self.id, other.id) {
            (Some(own), Some(others)) => own == others,
            _ => self.login.eq_ignore_ascii_case(&other.login),
        }
    }
}

/// A comment on a merge request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ForgeComment {
    pub(crate) id: u64,
    pub(crate) author: ForgeAccount,
    pub(crate) body: String,
}

/// What a status says of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatusState {
    /// The plan is being made.
    Pending,
    /// The plan can be decided on.
    Success,
    /// The garden has findings, or something is refused.
    Failure,
    /// No plan could be made or shown.
    Error,
}

/// The status of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommitStatus {
    /// Its name.
    context: &'static str,
    pub(crate) state: StatusState,
    description: String,
    target: Option<String>,
}

/// The most bytes of the address that a status links to (GitLab's limit).
const MOST_OF_TARGET: usize = 255;

impl CommitStatus {
    /// A status whose description and address the forge takes.
    pub(crate) fn new(kind: ForgeKind, state: StatusState, description: &str, target: Option<&str>) -> Self {
        let is_link = |target: &&str| {
            let is_web = target.starts_with("https://") || target.starts_with("http://");
            is_web && target.len() <= MOST_OF_TARGET && target.chars().all(|char| char.is_ascii_graphic())
        };
        let target = target.filter(is_link).map(str::to_owned);
        let description = shortened(&visible::line(description), kind.most_of_description());
        Self { context: STATUS_CONTEXT, state, description, target }
    }

    /// The same under the name of consent.
    #[must_use]
    pub(crate) fn of_consent(self) -> Self {
        Self { context: CONSENT_CONTEXT, ..self }
    }
}

/// Cuts a text after so many characters; the last is then an ellipsis.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// A thread on a line of the diff, with its first comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LineThread {
    /// What its forge calls it.
    pub(crate) id: String,
    /// The number of its first comment.
    pub(crate) comment: u64,
    pub(crate) author: ForgeAccount,
    pub(crate) body: String,
    /// Whether the forge shows it as resolved; never where the forge cannot resolve by its API.
    pub(crate) resolved: bool,
}

/// A thread to be made on lines of the new side of the diff, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewThread {
    pub(crate) path: String,
    pub(crate) line: u32,
    pub(crate) end_line: u32,
    pub(crate) body: String,
}

/// How a suggestion is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SuggestionForm {
    /// A fence whose text replaces the lines that were commented on.
    OfLines,
    /// A fence that says how many lines below it replaces too.
    BelowLine,
    /// The forge has none: the text is shown.
    Shown,
}

/// One merge request of one forge. Every call is asked again where that is safe, as [`Patience`] says.
pub(crate) trait Forge {
    fn kind(&self) -> ForgeKind;
    /// The client that asks, for its budget of time.
    fn client(&self) -> &ForgeClient;
    /// Reads the merge request.
    fn request(&self) -> Result<MergeRequest, ForgeError>;
    /// Asks whose the token is; absent where the forge does not say it of such a token.
    fn me(&self) -> Result<Option<ForgeAccount>, ForgeError>;
    /// Reads all comments, the oldest first.
    fn comments(&self) -> Result<Vec<ForgeComment>, ForgeError>;
    /// Writes a comment. After [`ForgeError::is_uncertain`] it may be there all the same.
    fn create_comment(&self, body: &str) -> Result<(), ForgeError>;
    fn edit_comment(&self, id: u64, body: &str) -> Result<(), ForgeError>;
    /// Sets the status of a commit, and returns whose the token is where the forge says it.
    fn set_status(&self, commit: &str, status: &CommitStatus) -> Result<Option<ForgeAccount>, ForgeError>;
    /// Reads the latest status of parcelle on a commit.
    fn status(&self, commit: &str) -> Result<Option<StatusState>, ForgeError>;
    /// Reads who wrote the merge request, and what was said of it.
    fn reviews(&self) -> Result<RequestReviews, ForgeError>;
    /// Reads all threads on lines of the diff.
    fn threads(&self) -> Result<Vec<LineThread>, ForgeError>;
    /// Makes threads on a commit, and returns those whose lines are not in the diff. After [`ForgeError::is_uncertain`] some may be
    /// there.
    fn create_threads(&self, commit: &str, threads: &[NewThread]) -> Result<Vec<usize>, ForgeError>;
    fn edit_thread(&self, thread: &LineThread, body: &str) -> Result<(), ForgeError>;
    /// Resolves a thread whose finding is gone, or opens it again; a forge that cannot leaves it as it is.
    fn set_resolved(&self, thread: &LineThread, resolved: bool) -> Result<(), ForgeError>;
    /// Whether [`Forge::set_resolved`] does something.
    fn can_resolve(&self) -> bool;
    fn suggestion_form(&self) -> SuggestionForm;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_keeps_to_what_its_forge_takes() {
        for (kind, most) in [(ForgeKind::GitHub, 140), (ForgeKind::GitLab, 255), (ForgeKind::Gitea, 140)] {
            let status =
                CommitStatus::new(kind, StatusState::Success, &"größer\n".repeat(99), Some("https://a.example/1"));
            assert_eq!(status.description.chars().count(), most, "{kind}");
            assert!(status.description.ends_with('…') && !status.description.contains('\n'));
            assert_eq!(status.target.as_deref(), Some("https://a.example/1"));
        }
        let long = format!("https://a.example/{}", "x".repeat(255));
        for target in ["javascript:alert(1)", "ftp://a.example", "https://a.example/ b", &long] {
            let status = CommitStatus::new(ForgeKind::GitHub, StatusState::Error, "short", Some(target));
            assert_eq!((status.description.as_str(), status.target), ("short", None), "{target}");
        }
    }

    #[test]
    fn accounts_are_one_by_number_and_by_login_where_none_is_known() {
        let account = |id: Option<u64>, login: &str| ForgeAccount { id, login: login.to_owned() };
        assert!(account(Some(1), "a").is(&account(Some(1), "renamed")));
        assert!(!account(Some(1), "bot").is(&account(Some(2), "bot")));
        assert!(account(None, "Bot[bot]").is(&account(Some(2), "bot[Bot]")));
        assert!(!account(None, "bot").is(&account(Some(2), "bott")));
    }
}
