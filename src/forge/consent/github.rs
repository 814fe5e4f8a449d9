//! GitHub: each review names its commit. Who pushed is not said, so the accounts of authors and committers stand for it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::said::{GivenReview, Says, account};
use super::{FIND, FoundRequest, MOST_PAGES, READ, RequestReviews, ReviewReader};
use crate::forge::client::ForgeClient;
use crate::forge::read::{is_commit, number, text};
use crate::forge::{ForgeError, ForgeKind};
use crate::git::CommitId;

/// How many are asked for at once.
const PER_PAGE: usize = 50;
/// The account that commits what is written in GitHub's editor.
const WEB: &str = "web-flow";

/// The requests that claim a commit: of the main branch those that were merged.
pub(super) fn requests_of(
    reader: &ReviewReader,
    client: &ForgeClient,
    commit: &CommitId,
) -> Result<Vec<FoundRequest>, ForgeError> {
    let path = format!("{}/commits/{}/pulls?per_page={PER_PAGE}", reader.root, commit.0);
    let all = client.get_pages(FIND, &path, MOST_PAGES)?;
    all.iter().filter(|pull| pull["merged_at"].is_string()).map(|pull| found(reader, FIND, pull)).collect()
}

/// One request, of GitHub, Forgejo or Gitea.
pub(super) fn request(reader: &ReviewReader, client: &ForgeClient, number: u64) -> Result<FoundRequest, ForgeError> {
    found(reader, READ, &client.get(READ, &format!("{}/pulls/{number}", reader.root))?)
}

/// A request as GitHub, Forgejo and Gitea show it.
pub(super) fn found(reader: &ReviewReader, doing: &'static str, pull: &Value) -> Result<FoundRequest, ForgeError> {
    let head = text(&pull["head"], "sha");
    if !is_commit(head) {
        return Err(ForgeError::lacking(doing, "head.sha"));
    }
    let is_merged = match reader.kind {
        ForgeKind::GitHub => pull["merged_at"].is_string(),
        _ => pull["merged"].as_bool() == Some(true),
    };
    let base = &pull["base"];
    Ok(FoundRequest {
        number: number(doing, pull, "number")?,
        head: CommitId(head.to_lowercase()),
        opener: account(text(&pull["user"], "login")),
        branch: text(base, "ref").to_owned(),
        is_merged,
        updated: text(pull, "updated_at").to_owned(),
        is_here: text(&base["repo"], "full_name").eq_ignore_ascii_case(&reader.repository),
    })
}

pub(super) fn reviews_of(
    reader: &ReviewReader,
    client: &ForgeClient,
    request: &FoundRequest,
) -> Result<RequestReviews, ForgeError> {
    let pull = format!("{}/pulls/{}", reader.root, request.number);
    let mut answer = RequestReviews::of(request);
    // Oldest first. A review that waits to be sent is of the token's own account, and says nothing yet.
    let all = client.get_pages(READ, &format!("{pull}/reviews?per_page={PER_PAGE}"), MOST_PAGES)?;
    let says = |one: &Value| match text(one, "state") {
        "APPROVED" => Some(Says::Yes),
        "CHANGES_REQUESTED" => Some(Says::No),
        "DISMISSED" => Some(Says::Dismissed),
        _ => None,
    };
    let mut given: Vec<GivenReview<'_>> = all.iter().filter_map(|one| Some(review(one, says(one)?))).collect();
    given.sort_by_key(|review| super::said::seconds(review.at));
    answer.take(&given);
    let commits = client.get_pages(READ, &format!("{pull}/commits?per_page={PER_PAGE}"), MOST_PAGES)?;
    let wrote = commits.iter().flat_map(|one| ["author", "committer"].map(|who| text(&one[who], "login")));
    answer.commits = ids(&commits);
    answer.pushers = wrote.filter(|login| !login.is_empty() && *login != WEB).map(account).collect();
    Ok(answer)
}

/// The ids of listed commits.
pub(super) fn ids(commits: &[Value]) -> BTreeSet<CommitId> {
    let ids = commits.iter().map(|one| text(one, "sha")).filter(|id| is_commit(id));
    ids.map(|id| CommitId(id.to_lowercase())).collect()
}

/// A review as GitHub, Forgejo and Gitea show it.
pub(super) fn review(one: &Value, says: Says) -> GivenReview<'_> {
    GivenReview {
        account: text(&one["user"], "login"),
        says,
        commit: text(one, "commit_id"),
        at: text(one, "submitted_at"),
        body: text(one, "body"),
    }
}
