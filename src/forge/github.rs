//! GitHub, and GitHub Enterprise Server.
//!
//! Comments of the timeline and comments on lines are edited by different paths. A thread is resolved by GraphQL alone, which tokens of
//! CI jobs reach only in part, so a thread whose finding is gone is edited to say so.

use http::Method;
use serde_json::{Value, json};

use super::client::{ForgeClient, Repeat};
use super::consent::{RequestReviews, ReviewReader};
use super::read::{account, account_of_token, comment, either_way, number, plain_repository, text, within};
use super::{
    CommitStatus, Forge, ForgeAccount, ForgeComment, ForgeError, ForgeKind, LineThread, MergeRequest, NewThread,
    RequestState, STATUS_CONTEXT, StatusState, SuggestionForm,
};

/// How many are asked for at once.
const PER_PAGE: usize = 50;

/// One pull request on GitHub.
pub(super) struct GitHub {
    client: ForgeClient,
    reader: ReviewReader,
    /// `/repos/OWNER/NAME`.
    root: String,
    number: u64,
}

impl GitHub {
    pub(super) fn new(client: ForgeClient, repository: &str, number: u64) -> Result<Self, ForgeError> {
        let reader = ReviewReader::new(ForgeKind::GitHub, repository)?;
        Ok(Self { client, reader, root: format!("/repos/{}", plain_repository(repository)?), number })
    }

    fn pull(&self, below: &str) -> String {
        format!("{}/pulls/{}{below}", self.root, self.number)
    }

    fn comment_of(thread: &NewThread) -> Value {
        let mut comment = json!({"path": thread.path, "body": thread.body, "line": thread.end_line, "side": "RIGHT"});
        if thread.end_line > thread.line {
            comment["start_line"] = thread.line.into();
            comment["start_side"] = "RIGHT".into();
        }
        comment
    }
}

impl Forge for GitHub {
    fn kind(&self) -> ForgeKind {
        ForgeKind::GitHub
    }

    fn client(&self) -> &ForgeClient {
        &self.client
    }

    fn request(&self) -> Result<MergeRequest, ForgeError> {
        let doing = "read the pull request";
        let pull = self.client.get(doing, &self.pull(""))?;
        of_pull(doing, &pull)
    }

    fn me(&self) -> Result<Option<ForgeAccount>, ForgeError> {
        account_of_token(&self.client, "login")
    }

    fn comments(&self) -> Result<Vec<ForgeComment>, ForgeError> {
        let path = format!("{}/issues/{}/comments?per_page={PER_PAGE}", self.root, self.number);
        let all = self.client.get_all("read the comments", &path)?;
        Ok(all.iter().filter_map(|one| comment(one, "user", "login")).collect())
    }

    fn create_comment(&self, body: &str) -> Result<(), ForgeError> {
        let path = format!("{}/issues/{}/comments", self.root, self.number);
        let body = json!({"body": body});
        self.client.write("write the comment", &Method::POST, &path, &body, Repeat::Once).map(drop)
    }

    fn edit_comment(&self, id: u64, body: &str) -> Result<(), ForgeError> {
        let path = format!("{}/issues/comments/{id}", self.root);
        let body = json!({"body": body});
        self.client.write("edit the comment", &Method::PATCH, &path, &body, Repeat::Always).map(drop)
    }

    fn set_status(&self, commit: &str, status: &CommitStatus) -> Result<Option<ForgeAccount>, ForgeError> {
        let path = format!("{}/statuses/{commit}", self.root);
        let body = status_body(status);
        let answered = self.client.write("set the status", &Method::POST, &path, &body, Repeat::Always)?;
        Ok(account(&answered.value["creator"], "login"))
    }

    fn status(&self, commit: &str) -> Result<Option<StatusState>, ForgeError> {
        let path = format!("{}/commits/{commit}/statuses?per_page={PER_PAGE}", self.root);
        // The newest first.
        let all = self.client.get_all("read the status", &path)?;
        let own = all.iter().find(|one| text(one, "context").eq_ignore_ascii_case(STATUS_CONTEXT));
        Ok(own.and_then(|own| state_of(text(own, "state"))))
    }

    fn reviews(&self) -> Result<RequestReviews, ForgeError> {
        self.reader.of_request(&self.client, self.number)
    }

    fn threads(&self) -> Result<Vec<LineThread>, ForgeError> {
        let all =
            self.client.get_all("read the comments on lines", &self.pull(&format!("/comments?per_page={PER_PAGE}")))?;
        let first = all.iter().filter(|one| one["in_reply_to_id"].is_null());
        Ok(first.filter_map(|one| comment(one, "user", "login")).map(LineThread::of_comment).collect())
    }

    fn create_threads(&self, commit: &str, threads: &[NewThread]) -> Result<Vec<usize>, ForgeError> {
        let doing = "comment on lines";
        let together = |threads: &[NewThread]| {
            let comments: Vec<Value> = threads.iter().map(Self::comment_of).collect();
            let body =
                json!({"commit_id": commit, "event": "COMMENT", "body": super::threads::REVIEW, "comments": comments});
            self.client.write(doing, &Method::POST, &self.pull("/reviews"), &body, Repeat::Once).map(drop)
        };
        let alone = |thread: &NewThread| {
            let mut body = Self::comment_of(thread);
            body["commit_id"] = commit.into();
            self.client.write(doing, &Method::POST, &self.pull("/comments"), &body, Repeat::Once).map(drop)
        };
        either_way(threads, &[422], together, alone)
    }

    fn edit_thread(&self, thread: &LineThread, body: &str) -> Result<(), ForgeError> {
        let path = format!("{}/pulls/comments/{}", self.root, thread.comment);
        let body = json!({"body": body});
        self.client.write("edit a comment on a line", &Method::PATCH, &path, &body, Repeat::Always).map(drop)
    }

    fn set_resolved(&self, _thread: &LineThread, _resolved: bool) -> Result<(), ForgeError> {
        Ok(())
    }

    fn can_resolve(&self) -> bool {
        false
    }

    fn suggestion_form(&self) -> SuggestionForm {
        SuggestionForm::OfLines
    }
}

/// A pull request, as GitHub, Forgejo and Gitea show it.
pub(super) fn of_pull(doing: &'static str, pull: &Value) -> Result<MergeRequest, ForgeError> {
    let (head, base) = (&pull["head"], &pull["base"]);
    let sha = text(head, "sha");
    if sha.is_empty() {
        return Err(ForgeError::lacking(doing, "head.sha"));
    }
    let is_merged = pull["merged"].as_bool().unwrap_or(false) || !pull["merged_at"].is_null();
    let state = match text(pull, "state") {
        _ if is_merged => RequestState::Merged,
        "open" => RequestState::Open,
        "closed" => RequestState::Closed,
        _ => return Err(ForgeError::lacking(doing, "state")),
    };
    let repository = |side: &Value| side["repo"]["full_name"].as_str().map(str::to_lowercase);
    // A head whose repository is gone was a fork. AGit requests of Forgejo name this repository, whoever pushed them.
    let is_other =
        repository(head).is_none() || repository(head) != repository(base) || pull["flow"].as_u64() == Some(1);
    Ok(MergeRequest {
        number: number(doing, pull, "number")?,
        state,
        draft: pull["draft"].as_bool().unwrap_or(false),
        head: sha.to_owned(),
        base_branch: text(base, "ref").to_owned(),
        base: Some(text(base, "sha").to_owned()).filter(|sha| !sha.is_empty()),
        from_fork: is_other,
        author: text(&pull["user"], "login").to_owned(),
        title: text(pull, "title").to_owned(),
    })
}

/// A status, as GitHub, Forgejo and Gitea take it.
pub(super) fn status_body(status: &CommitStatus) -> Value {
    let state = match status.state {
        StatusState::Pending => "pending",
        StatusState::Success => "success",
        StatusState::Failure => "failure",
        StatusState::Error => "error",
    };
    let body = json!({"state": state, "context": status.context, "description": status.description});
    within(body, "target_url", status.target.as_deref())
}

/// A status, as GitHub, Forgejo and Gitea name it.
pub(super) fn state_of(word: &str) -> Option<StatusState> {
    match word {
        "pending" => Some(StatusState::Pending),
        "success" => Some(StatusState::Success),
        "failure" => Some(StatusState::Failure),
        "error" | "warning" => Some(StatusState::Error),
        _ => None,
    }
}
