//! GitLab.
//!
//! A thread on a line is a discussion, which is resolved. A status goes to a pipeline, and changes only as pipelines do: what is set
//! already is refused. A note that begins a line with `/` is a command to GitLab, so none is ever sent.

use std::cell::RefCell;

use http::Method;
use serde_json::{Value, json};

use super::client::{ForgeClient, Repeat};
use super::consent::{RequestReviews, ReviewReader};
use super::read::{account, account_of_token, comment, number, text, whole_path, within};
use super::{
    CommitStatus, Forge, ForgeAccount, ForgeComment, ForgeError, ForgeKind, LineThread, MergeRequest, NewThread,
    RequestState, STATUS_CONTEXT, StatusState, SuggestionForm,
};

/// How many are asked for at once: a note may have a million characters.
const PER_PAGE: usize = 20;

/// One merge request on GitLab.
pub(super) struct GitLab {
    client: ForgeClient,
    reader: ReviewReader,
    /// `/projects/PATH`.
    root: String,
    number: u64,
    /// The pipeline that this runs in, to which the status goes.
    pipeline: Option<u64>,
    /// The commits of the diff and the branch, as they were read last.
    read: RefCell<Option<DiffRefs>>,
}

#[derive(Clone)]
struct DiffRefs {
    base: String,
    start: String,
    branch: String,
}

impl GitLab {
    pub(super) fn new(
        client: ForgeClient,
        repository: &str,
        number: u64,
        pipeline: Option<u64>,
    ) -> Result<Self, ForgeError> {
        let root = format!("/projects/{}", whole_path(repository)?);
        let reader = ReviewReader::new(ForgeKind::GitLab, repository)?;
        Ok(Self { client, reader, root, number, pipeline, read: RefCell::default() })
    }

    fn merge_request(&self, below: &str) -> String {
        format!("{}/merge_requests/{}{below}", self.root, self.number)
    }

    /// The latest status of a name on a commit.
    fn latest_status(&self, commit: &str, context: &str) -> Result<Option<Value>, ForgeError> {
        let name = context.replace('/', "%2F");
        let path = format!("{}/repository/commits/{commit}/statuses?name={name}&per_page={PER_PAGE}", self.root);
        let all = self.client.get_all("read the status", &path)?;
        let own = all.into_iter().filter(|one| text(one, "name") == context);
        Ok(own.max_by_key(|one| one["id"].as_u64()))
    }

    fn position(&self, commit: &str, thread: &NewThread) -> Value {
        let read = self.read.borrow();
        let (base, start) = read.as_ref().map_or((commit, commit), |refs| (refs.base.as_str(), refs.start.as_str()));
        json!({
            "position_type": "text",
            "base_sha": base,
            "start_sha": start,
            "head_sha": commit,
            "old_path": thread.path,
            "new_path": thread.path,
            "new_line": thread.line,
        })
    }
}

impl Forge for GitLab {
    fn kind(&self) -> ForgeKind {
        ForgeKind::GitLab
    }

    fn client(&self) -> &ForgeClient {
        &self.client
    }

    fn request(&self) -> Result<MergeRequest, ForgeError> {
        let doing = "read the merge request";
        let read = self.client.get(doing, &self.merge_request(""))?;
        let refs = &read["diff_refs"];
        *self.read.borrow_mut() = Some(DiffRefs {
            base: text(refs, "base_sha").to_owned(),
            start: text(refs, "start_sha").to_owned(),
            branch: text(&read, "source_branch").to_owned(),
        });
        let sha = text(&read, "sha");
        if sha.is_empty() {
            return Err(ForgeError::lacking(doing, "sha"));
        }
        let state = match text(&read, "state") {
            "opened" => RequestState::Open,
            "merged" => RequestState::Merged,
            "closed" | "locked" => RequestState::Closed,
            _ => return Err(ForgeError::lacking(doing, "state")),
        };
        Ok(MergeRequest {
            number: number(doing, &read, "iid")?,
            state,
            draft: read["draft"].as_bool().unwrap_or(false),
            head: sha.to_owned(),
            base_branch: text(&read, "target_branch").to_owned(),
            base: Some(text(refs, "base_sha").to_owned()).filter(|sha| !sha.is_empty()),
            from_fork: read["source_project_id"] != read["target_project_id"],
            author: text(&read["author"], "username").to_owned(),
            title: text(&read, "title").to_owned(),
        })
    }

    fn me(&self) -> Result<Option<ForgeAccount>, ForgeError> {
        account_of_token(&self.client, "username")
    }

    fn comments(&self) -> Result<Vec<ForgeComment>, ForgeError> {
        let query = format!("/notes?sort=asc&order_by=created_at&activity_filter=only_comments&per_page={PER_PAGE}");
        let all = self.client.get_all("read the comments", &self.merge_request(&query))?;
        let written = all.iter().filter(|one| one["system"].as_bool() != Some(true));
        Ok(written.filter_map(|one| comment(one, "author", "username")).collect())
    }

    fn create_comment(&self, body: &str) -> Result<(), ForgeError> {
        let doing = "write the comment";
        let (path, body) = (self.merge_request("/notes"), json!({"body": body}));
        let answered = self.client.write(doing, &Method::POST, &path, &body, Repeat::Once)?;
        if answered.status == 202 {
            let says = "it took the comment as commands".to_owned();
            return Err(ForgeError::Refused { doing, status: 202, says });
        }
        Ok(())
    }

    fn edit_comment(&self, id: u64, body: &str) -> Result<(), ForgeError> {
        let (path, body) = (self.merge_request(&format!("/notes/{id}")), json!({"body": body}));
        self.client.write("edit the comment", &Method::PUT, &path, &body, Repeat::Always).map(drop)
    }

    fn set_status(&self, commit: &str, status: &CommitStatus) -> Result<Option<ForgeAccount>, ForgeError> {
        // GitLab has one word for what failed and what could not be done.
        let (state, read_back) = match status.state {
            StatusState::Pending => ("pending", StatusState::Pending),
            StatusState::Success => ("success", StatusState::Success),
            StatusState::Failure | StatusState::Error => ("failed", StatusState::Failure),
        };
        let body = json!({"state": state, "name": status.context, "description": status.description});
        let mut body = within(body, "target_url", status.target.as_deref());
        // Without a pipeline GitLab takes the newest one of the commit, on whatever branch.
        match (self.pipeline, self.read.borrow().as_ref()) {
            (Some(pipeline), _) => body["pipeline_id"] = pipeline.into(),
            (None, Some(refs)) if !refs.branch.is_empty() => body["ref"] = refs.branch.as_str().into(),
            (None, _) => {}
        }
        let path = format!("{}/statuses/{commit}", self.root);
        match self.client.write("set the status", &Method::POST, &path, &body, Repeat::Always) {
            Ok(answered) => Ok(account(&answered.value["author"], "username")),
            // It is the status of this account: another one's would be no hindrance.
            Err(error) if is_set_already(&error) => match self.latest_status(commit, status.context)? {
                Some(latest) if state_of(&latest) == Some(read_back) => Ok(account(&latest["author"], "username")),
                _ => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    fn status(&self, commit: &str) -> Result<Option<StatusState>, ForgeError> {
        Ok(self.latest_status(commit, STATUS_CONTEXT)?.as_ref().and_then(state_of))
    }

    fn reviews(&self) -> Result<RequestReviews, ForgeError> {
        self.reader.of_request(&self.client, self.number)
    }

    fn threads(&self) -> Result<Vec<LineThread>, ForgeError> {
        let path = self.merge_request(&format!("/discussions?per_page={PER_PAGE}"));
        let all = self.client.get_all("read the threads", &path)?;
        Ok(all.iter().filter_map(of_discussion).collect())
    }

    fn create_threads(&self, commit: &str, threads: &[NewThread]) -> Result<Vec<usize>, ForgeError> {
        let mut dropped = Vec::new();
        for (at, thread) in threads.iter().enumerate() {
            let body = json!({"body": thread.body, "position": self.position(commit, thread)});
            let path = self.merge_request("/discussions");
            match self.client.write("comment on a line", &Method::POST, &path, &body, Repeat::Once) {
                Ok(_) => {}
                Err(error) if matches!(error.status(), Some(400 | 422)) => dropped.push(at),
                Err(error) => return Err(error),
            }
        }
        Ok(dropped)
    }

    fn edit_thread(&self, thread: &LineThread, body: &str) -> Result<(), ForgeError> {
        let path = self.merge_request(&format!("/discussions/{}/notes/{}", thread.id, thread.comment));
        let body = json!({"body": body});
        self.client.write("edit a comment on a line", &Method::PUT, &path, &body, Repeat::Always).map(drop)
    }

    fn set_resolved(&self, thread: &LineThread, resolved: bool) -> Result<(), ForgeError> {
        let path = self.merge_request(&format!("/discussions/{}", thread.id));
        let body = json!({"resolved": resolved});
        self.client.write("resolve a thread", &Method::PUT, &path, &body, Repeat::Always).map(drop)
    }

    fn can_resolve(&self) -> bool {
        true
    }

    fn suggestion_form(&self) -> SuggestionForm {
        SuggestionForm::BelowLine
    }
}

/// A status, as GitLab names it.
fn state_of(status: &Value) -> Option<StatusState> {
    match text(status, "status") {
        "pending" | "running" | "created" => Some(StatusState::Pending),
        "success" => Some(StatusState::Success),
        "failed" => Some(StatusState::Failure),
        "canceled" | "skipped" => Some(StatusState::Error),
        _ => None,
    }
}

/// Whether a status is refused since it stands as it is: `Cannot transition status via :enqueue from :pending`.
fn is_set_already(error: &ForgeError) -> bool {
    matches!(error, ForgeError::Refused { status: 400 | 422, says, .. } if says.contains("transition"))
}

/// A discussion on a line of the diff, by its first note.
fn of_discussion(discussion: &Value) -> Option<LineThread> {
    let id =
        discussion["id"].as_str().filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))?;
    let note = discussion["notes"].as_array()?.first()?;
    if note["resolvable"].as_bool() != Some(true) && note["position"].is_null() {
        return None;
    }
    let ForgeComment { id: number, author, body } = comment(note, "author", "username")?;
    let resolved = note["resolved"].as_bool().unwrap_or(false);
    Some(LineThread { id: id.to_owned(), comment: number, author, body, resolved })
}
