//! The story of one posting, the same for every forge: a status that always ends, one comment, notes on lines.
//!
//! Nothing stale is written: before each write the merge request is read again, and where it has moved on, closed or merged, the rest is
//! left out. A forge that fails is told of, and fails nothing else.

use super::comment::{self, CommentParts, ToldPlan};
use super::threads::{self, NotesDone};
use super::{
    CommitStatus, Forge, ForgeAccount, ForgeComment, ForgeError, ForgeKind, MergeRequest, RequestState, StatusState,
};

/// The text of a comment for so many bytes.
pub(crate) type CommentBody = dyn Fn(usize) -> String;

/// How often a comment is looked for before it is written again.
const LOOKS: u32 = 4;

/// What is to be posted of a plan.
pub(crate) struct Posting {
    /// The commit that was planned.
    pub(crate) head: String,
    pub(crate) body: Box<CommentBody>,
    /// The plan in a sentence: the description of the status, and a line of the history later.
    pub(crate) verdict: String,
    pub(crate) status: StatusState,
    /// Whether those who must agree have agreed, and a sentence of it; absent where nobody is asked.
    pub(crate) consent: Option<(StatusState, String)>,
    pub(crate) notes: Vec<LineNote>,
    /// Whether there is something to say where nothing was said before.
    pub(crate) has_news: bool,
    /// Where all of the plan can be read.
    pub(crate) details: Option<String>,
}

/// A finding on lines of the new side of the diff, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LineNote {
    /// Relative to the repository.
    pub(crate) path: String,
    pub(crate) line: u32,
    /// The last line.
    pub(crate) end_line: u32,
    /// What the finding is known by from run to run.
    pub(crate) key: String,
    /// Markdown, in which what others say is neutralised.
    pub(crate) text: String,
    /// What could stand in the place of these lines.
    pub(crate) suggestion: Option<String>,
}

/// A posting that has begun: its commit is marked as being planned.
#[derive(Clone, Debug, Default)]
pub(crate) struct Begun {
    /// Whose the token is, where the forge said so.
    account: Option<ForgeAccount>,
    /// The failures of the first status, a sentence each.
    pub(crate) said: Vec<String>,
}

/// What became of the comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommentDone {
    Created,
    Edited,
    /// It says the same already.
    Unchanged,
    /// There is none: nothing to say, or it was not to be written.
    None,
}

/// What became of a posting.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) comment: CommentDone,
    pub(crate) notes: NotesDone,
    /// The state that the commit has now; absent where it could not be set.
    pub(crate) status: Option<StatusState>,
    /// What people must know: what failed, what was left out and why.
    pub(crate) said: Vec<String>,
}

/// Why the rest of a posting is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PostingStop {
    /// The merge request is at another commit.
    Moved(String),
    /// It is closed or merged.
    Ended(RequestState),
    Failed(ForgeError),
}

/// A merge request while something is written to it.
pub(super) struct RequestAtHand<'a> {
    pub(super) forge: &'a dyn Forge,
    pub(super) head: String,
    pub(super) account: Option<ForgeAccount>,
}

impl RequestAtHand<'_> {
    /// Reads the merge request again: it must be open, and at the commit that was planned.
    pub(super) fn check(&self) -> Result<MergeRequest, PostingStop> {
        let request = self.forge.request().map_err(PostingStop::Failed)?;
        match request.state {
            RequestState::Open if request.head.eq_ignore_ascii_case(&self.head) => Ok(request),
            RequestState::Open => Err(PostingStop::Moved(request.head)),
            ended => Err(PostingStop::Ended(ended)),
        }
    }

    /// The comment of a garden by the token's own account. `others` counts those that only look like it.
    fn own<'c>(&self, comments: &'c [ForgeComment], garden: &str) -> (Option<&'c ForgeComment>, usize) {
        let marked = comment::of_garden(comments, garden);
        let is_own =
            |comment: &&&ForgeComment| self.account.as_ref().is_some_and(|account| account.is(&comment.author));
        let others = marked.iter().filter(|comment| !is_own(comment)).count();
        (marked.iter().find(is_own).copied(), others)
    }
}

/// Marks a commit as being planned. `account` is whose the token is, where that is known beforehand.
pub(crate) fn begin(forge: &dyn Forge, head: &str, details: Option<&str>, account: Option<&str>) -> Begun {
    forge.client().allow(forge.client().patience().last());
    let status = CommitStatus::new(forge.kind(), StatusState::Pending, "the plan is being made", details);
    let named = account.map(|login| ForgeAccount { id: None, login: login.to_owned() });
    match forge.set_status(head, &status) {
        Ok(account) => Begun { account: account.or(named), said: Vec::new() },
        Err(error) => Begun { account: named, said: vec![error.to_string()] },
    }
}

/// Posts a plan. Whatever fails on the way, the status of the commit ends.
pub(crate) fn publish(
    forge: &dyn Forge,
    garden: &str,
    begun: Begun,
    posting: &Posting,
    now: jiff::Timestamp,
) -> Published {
    let client = forge.client();
    client.allow(client.patience().total);
    let mut published =
        Published { comment: CommentDone::None, notes: NotesDone::default(), status: None, said: begun.said };
    let standing = RequestAtHand { forge, head: posting.head.clone(), account: begun.account };
    let stop = post(standing, garden, posting, now, &mut published).err();
    let (state, description) = match &stop {
        None => (posting.status, posting.verdict.clone()),
        Some(PostingStop::Moved(head)) => {
            let newer = head.get(..12).unwrap_or_default();
            published.said.push(format!(
                "the merge request is at {newer} by now: nothing more was written of the plan for {}",
                posting.head
            ));
            (posting.status, format!("superseded by {newer}: {}", posting.verdict))
        }
        Some(PostingStop::Ended(state)) => {
            let word = if *state == RequestState::Merged { "merged" } else { "closed" };
            published.said.push(format!("the merge request is {word}: no comment was written"));
            (posting.status, posting.verdict.clone())
        }
        Some(PostingStop::Failed(error)) => {
            published.said.push(error.to_string());
            // Nobody decides on what nobody can read.
            let state = if posting.status == StatusState::Success { StatusState::Error } else { posting.status };
            (state, format!("the comment could not be written; {}", posting.verdict))
        }
    };
    published.status = end(forge, &posting.head, state, &description, posting.details.as_deref(), &mut published.said);
    if let Some((state, description)) = &posting.consent {
        let done = consent(forge, &posting.head, *state, description, posting.details.as_deref());
        published.said.extend(done.err().map(|error| error.to_string()));
    }
    published
}

/// Says whether those who must agree have agreed, as a status of its own.
fn consent(
    forge: &dyn Forge,
    head: &str,
    state: StatusState,
    description: &str,
    details: Option<&str>,
) -> Result<(), ForgeError> {
    // GitLab takes no other description for a status that stays pending: this one stays true.
    let description = match (forge.kind(), state) {
        (ForgeKind::GitLab, StatusState::Pending) => "it waits for people to approve; the comment says for whom",
        _ => description,
    };
    let status = CommitStatus::new(forge.kind(), state, description, details).of_consent();
    forge.set_status(head, &status).map(drop)
}

/// Ends the status of a commit for which no plan could be made.
pub(crate) fn give_up(forge: &dyn Forge, head: &str, why: &str, details: Option<&str>) -> Vec<String> {
    let mut said = Vec::new();
    end(forge, head, StatusState::Error, why, details, &mut said);
    said
}

/// Ends the status of a commit where a run left it pending; returns whether it did.
pub(crate) fn close(forge: &dyn Forge, head: &str, details: Option<&str>) -> Result<bool, ForgeError> {
    forge.client().allow(forge.client().patience().total);
    if forge.status(head)? != Some(StatusState::Pending) {
        return Ok(false);
    }
    let status = CommitStatus::new(forge.kind(), StatusState::Error, "the run ended before a plan was told", details);
    forge.set_status(head, &status)?;
    Ok(true)
}

/// Sets the last status, with time of its own.
fn end(
    forge: &dyn Forge,
    head: &str,
    state: StatusState,
    description: &str,
    details: Option<&str>,
    said: &mut Vec<String>,
) -> Option<StatusState> {
    forge.client().allow(forge.client().patience().last());
    let status = CommitStatus::new(forge.kind(), state, description, details);
    match forge.set_status(head, &status) {
        Ok(_) => Some(state),
        Err(error) => {
            said.push(error.to_string());
            None
        }
    }
}

fn post(
    mut standing: RequestAtHand<'_>,
    garden: &str,
    posting: &Posting,
    now: jiff::Timestamp,
    published: &mut Published,
) -> Result<(), PostingStop> {
    let request = standing.check()?;
    let comments = standing.forge.comments().map_err(PostingStop::Failed)?;
    if standing.account.is_none() {
        standing.account = standing.forge.me().map_err(PostingStop::Failed)?;
    }
    let (own, others) = standing.own(&comments, garden);
    if own.is_none() && !posting.has_news && posting.notes.is_empty() {
        return Ok(());
    }
    if others > 0 && own.is_none() && standing.account.is_none() {
        published.said.push(
            "the forge does not say whose the token is, so a comment that may be parcelle's is left alone (set \
             `PARCELLE_FORGE_ACCOUNT`)"
                .to_owned(),
        );
        return Ok(());
    }
    if others > 0 {
        published.said.push(format!("{others} comments of others bear the mark of parcelle's: they are left alone"));
    }
    // Notes first: those that have no line stand in the comment. Where they fail, the comment is written all the same.
    let noted = if own.is_some() || !posting.notes.is_empty() {
        threads::publish(&standing, garden, &posting.notes, &mut published.notes)
    } else {
        Ok(())
    };
    match noted {
        Ok(()) => {}
        Err(PostingStop::Failed(error)) => published.said.push(error.to_string()),
        Err(stop) => return Err(stop),
    }
    published.comment = comment(&standing, garden, posting, &request, comments, now, &published.notes)?;
    Ok(())
}

/// Writes the comment: edits the one that is there, else makes one, and looks again before it makes a second one.
fn comment(
    standing: &RequestAtHand<'_>,
    garden: &str,
    posting: &Posting,
    request: &MergeRequest,
    mut comments: Vec<ForgeComment>,
    now: jiff::Timestamp,
    notes: &NotesDone,
) -> Result<CommentDone, PostingStop> {
    let forge = standing.forge;
    let known: Vec<u64> = comments.iter().map(|comment| comment.id).collect();
    let mut sent: Option<String> = None;
    for look in 1.. {
        let (own, _) = standing.own(&comments, garden);
        // Of an account that nobody knows, what was not there before and says what was sent is its own.
        let is_sent = |comment: &&ForgeComment| {
            let says = sent.as_ref().is_some_and(|sent| comment::is_same(sent, &comment.body));
            says && !known.contains(&comment.id)
        };
        let own = own.or_else(|| comments.iter().find(is_sent));
        let told = own.map(|own| comment::told_in(&own.body)).unwrap_or_default();
        let plan = ToldPlan::new(&posting.head, now, &posting.verdict);
        let around = CommentParts { garden, draft: request.draft, unplaced: &notes.unplaced, told: &told, plan };
        let text = comment::write(forge.kind(), around, &*posting.body);
        let made = if sent.is_some() { CommentDone::Created } else { CommentDone::Unchanged };
        let written = match own {
            Some(own) if comment::is_same(&own.body, &text) => return Ok(made),
            Some(own) => {
                standing.check()?;
                forge.edit_comment(own.id, &text).map(|()| CommentDone::Edited)
            }
            None => {
                standing.check()?;
                let made = forge.create_comment(&text).map(|()| CommentDone::Created);
                sent = Some(text);
                made
            }
        };
        match written {
            Ok(done) => return Ok(done),
            Err(error) if look < LOOKS && is_worth_a_look(&error) && forge.client().pause(look) => {
                comments = forge.comments().map_err(PostingStop::Failed)?;
            }
            Err(error) => return Err(PostingStop::Failed(error)),
        }
    }
    Ok(CommentDone::None)
}

/// Whether it may be otherwise than it seemed: it may be there, or somebody took it away meanwhile.
fn is_worth_a_look(error: &ForgeError) -> bool {
    error.is_uncertain() || matches!(error.status(), Some(404 | 410))
}
