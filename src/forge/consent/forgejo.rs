//! Forgejo and Gitea: a request is found by the commit that its merge recorded, and pushes stand in its timeline.
//!
//! Whether a review is stale by their reckoning is not looked at: its commit says what it is of.

use serde_json::Value;

use super::github::{found, ids, review};
use super::said::{Says, account, seconds};
use super::{FIND, FoundRequest, MOST_PAGES, READ, RequestReviews, ReviewReader};
use crate::forge::ForgeError;
use crate::forge::client::ForgeClient;
use crate::forge::read::text;
use crate::git::CommitId;

/// How many are asked for at once: the most that a forge gives as it is set up.
const LIMIT: usize = 50;

/// The request whose merge recorded a commit.
pub(super) fn requests_of(
    reader: &ReviewReader,
    client: &ForgeClient,
    commit: &CommitId,
) -> Result<Vec<FoundRequest>, ForgeError> {
    let pull = client.get(FIND, &format!("{}/commits/{}/pull", reader.root, commit.0))?;
    Ok(vec![found(reader, FIND, &pull)?])
}

pub(super) fn reviews_of(
    reader: &ReviewReader,
    client: &ForgeClient,
    request: &FoundRequest,
) -> Result<RequestReviews, ForgeError> {
    let mut answer = RequestReviews::of(request);
    let path = format!("{}/pulls/{}/reviews?limit={LIMIT}", reader.root, request.number);
    let all = client.get_pages(READ, &path, MOST_PAGES)?;
    let says = |one: &Value| match (text(one, "state"), one["dismissed"].as_bool()) {
        ("APPROVED" | "REQUEST_CHANGES", Some(true)) => Some(Says::Dismissed),
        ("APPROVED", _) => Some(Says::Yes),
        ("REQUEST_CHANGES", _) => Some(Says::No),
        _ => None,
    };
    let mut given: Vec<_> = all.iter().filter_map(|one| Some((one["id"].as_u64(), review(one, says(one)?)))).collect();
    given.sort_by_key(|(id, review)| (seconds(review.at), *id));
    answer.take(&given.into_iter().map(|(_, review)| review).collect::<Vec<_>>());
    let path = format!("{}/issues/{}/timeline?limit={LIMIT}", reader.root, request.number);
    match client.get_pages(READ, &path, MOST_PAGES) {
        Ok(events) => {
            let pushes = events.iter().filter(|event| text(event, "type") == "pull_push");
            let logins = pushes.map(|event| text(&event["user"], "login")).filter(|login| !login.is_empty());
            answer.pushers = logins.map(account).collect();
        }
        Err(error) if matches!(error.status(), Some(403 | 404)) => answer.knows_pushers = false,
        Err(error) => return Err(error),
    }
    // Its merge records the last commit alone, and a fast-forward brings others.
    let path = format!("{}/pulls/{}/commits?limit={LIMIT}", reader.root, request.number);
    match client.get_pages(READ, &path, MOST_PAGES) {
        Ok(commits) => answer.commits = ids(&commits),
        Err(error) if matches!(error.status(), Some(403 | 404)) => {}
        Err(error) => return Err(error),
    }
    Ok(answer)
}
