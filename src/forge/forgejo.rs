//! Forgejo and Gitea, whose API is one but for what each knows alone.
//!
//! Comments of the timeline have no pages. Comments on lines stand in reviews, and are edited by the path of all others; their API
//! resolves no thread, so one whose finding is gone is edited to say so. Neither knows suggestions.

use http::Method;
use serde_json::{Value, json};

use super::client::{ForgeClient, Repeat};
use super::consent::{RequestReviews, ReviewReader};
use super::github::{of_pull, state_of, status_body};
use super::read::{account, account_of_token, comment, either_way, plain_repository, text};
use super::{
    CommitStatus, Forge, ForgeAccount, ForgeComment, ForgeError, ForgeKind, LineThread, MergeRequest, NewThread,
    STATUS_CONTEXT, StatusState, SuggestionForm,
};

/// How many are asked for at once: the most that a forge gives as it is set up.
const LIMIT: usize = 50;
/// The most reviews whose comments are read.
const MOST_REVIEWS: usize = 200;

/// One pull request on Forgejo or Gitea.
pub(super) struct Forgejo {
    kind: ForgeKind,
    client: ForgeClient,
    reader: ReviewReader,
    /// `/repos/OWNER/NAME`.
    root: String,
    number: u64,
}

impl Forgejo {
    pub(super) fn new(kind: ForgeKind, client: ForgeClient, repository: &str, number: u64) -> Result<Self, ForgeError> {
        let reader = ReviewReader::new(kind, repository)?;
        Ok(Self { kind, client, reader, root: format!("/repos/{}", plain_repository(repository)?), number })
    }

    fn pull(&self, below: &str) -> String {
        format!("{}/pulls/{}{below}", self.root, self.number)
    }

    fn edit(&self, doing: &'static str, id: u64, body: &str) -> Result<(), ForgeError> {
        let path = format!("{}/issues/comments/{id}", self.root);
        self.client.write(doing, &Method::PATCH, &path, &json!({"body": body}), Repeat::Always).map(drop)
    }
}

impl Forge for Forgejo {
    fn kind(&self) -> ForgeKind {
        self.kind
    }

    fn client(&self) -> &ForgeClient {
        &self.client
    }

    fn request(&self) -> Result<MergeRequest, ForgeError> {
        let doing = "read the pull request";
        of_pull(doing, &self.client.get(doing, &self.pull(""))?)
    }

    fn me(&self) -> Result<Option<ForgeAccount>, ForgeError> {
        account_of_token(&self.client, "login")
    }

    fn comments(&self) -> Result<Vec<ForgeComment>, ForgeError> {
        let path = format!("{}/issues/{}/comments", self.root, self.number);
        let all = self.client.get_all("read the comments", &path)?;
        Ok(all.iter().filter_map(|one| comment(one, "user", "login")).collect())
    }

    fn create_comment(&self, body: &str) -> Result<(), ForgeError> {
        let path = format!("{}/issues/{}/comments", self.root, self.number);
        let body = json!({"body": body});
        self.client.write("write the comment", &Method::POST, &path, &body, Repeat::Once).map(drop)
    }

    fn edit_comment(&self, id: u64, body: &str) -> Result<(), ForgeError> {
        self.edit("edit the comment", id, body)
    }

    fn set_status(&self, commit: &str, status: &CommitStatus) -> Result<Option<ForgeAccount>, ForgeError> {
        let path = format!("{}/statuses/{commit}", self.root);
        let body = status_body(status);
        let answered = self.client.write("set the status", &Method::POST, &path, &body, Repeat::Always)?;
        Ok(account(&answered.value["creator"], "login"))
    }

    fn status(&self, commit: &str) -> Result<Option<StatusState>, ForgeError> {
        let path = format!("{}/commits/{commit}/statuses?sort=recentupdate&limit={LIMIT}", self.root);
        let all = self.client.get_all("read the status", &path)?;
        let own = all.iter().filter(|one| text(one, "context") == STATUS_CONTEXT);
        // The highest number is the latest, in whatever order they come.
        let latest = own.max_by_key(|one| one["id"].as_u64());
        Ok(latest.and_then(|latest| state_of(text(latest, "status"))))
    }

    fn reviews(&self) -> Result<RequestReviews, ForgeError> {
        self.reader.of_request(&self.client, self.number)
    }

    fn threads(&self) -> Result<Vec<LineThread>, ForgeError> {
        let doing = "read the comments on lines";
        let reviews = self.client.get_all(doing, &self.pull(&format!("/reviews?limit={LIMIT}")))?;
        let mut threads = Vec::new();
        let with_comments = reviews.iter().filter(|review| review["comments_count"].as_u64() != Some(0));
        for review in with_comments.filter_map(|review| review["id"].as_u64()).take(MOST_REVIEWS) {
            let comments = self.client.get_all(doing, &self.pull(&format!("/reviews/{review}/comments")))?;
            threads.extend(comments.iter().filter_map(|one| comment(one, "user", "login")).map(LineThread::of_comment));
        }
        Ok(threads)
    }

    fn create_threads(&self, commit: &str, threads: &[NewThread]) -> Result<Vec<usize>, ForgeError> {
        let together = |threads: &[NewThread]| {
            let comment =
                |thread: &NewThread| json!({"path": thread.path, "body": thread.body, "new_position": thread.line});
            let comments: Vec<Value> = threads.iter().map(comment).collect();
            let body =
                json!({"commit_id": commit, "event": "COMMENT", "body": super::threads::REVIEW, "comments": comments});
            self.client.write("comment on lines", &Method::POST, &self.pull("/reviews"), &body, Repeat::Once).map(drop)
        };
        let alone = |thread: &NewThread| together(std::slice::from_ref(thread));
        either_way(threads, &[422], together, alone)
    }

    fn edit_thread(&self, thread: &LineThread, body: &str) -> Result<(), ForgeError> {
        self.edit("edit a comment on a line", thread.comment, body)
    }

    fn set_resolved(&self, _thread: &LineThread, _resolved: bool) -> Result<(), ForgeError> {
        Ok(())
    }

    fn can_resolve(&self) -> bool {
        false
    }

    fn suggestion_form(&self) -> SuggestionForm {
        SuggestionForm::Shown
    }
}
