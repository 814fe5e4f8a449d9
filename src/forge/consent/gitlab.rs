//! GitLab: an approval names no commit, so it is of the version that was the latest when it was given; where a push came about the same
//! time, that is in doubt, and it counts for nothing. Who requests changes stands among the reviewers until they are content.

use serde_json::Value;

use super::said::{GivenReview, Says, account, seconds};
use super::{FIND, ForgeUnheard, FoundRequest, MOST_PAGES, READ, RequestReviews, ReviewReader};
use crate::forge::ForgeError;
use crate::forge::client::ForgeClient;
use crate::forge::read::{is_commit, number, text};
use crate::git::CommitId;

/// How many are asked for at once.
const PER_PAGE: usize = 50;
/// A push so many seconds before an approval leaves in doubt which of two versions was looked at.
const DOUBT: i64 = 5;

/// The requests that claim a commit: by their diff, by what was squashed, and by their merge.
pub(super) fn requests_of(
    reader: &ReviewReader,
    client: &ForgeClient,
    commit: &CommitId,
) -> Result<Vec<FoundRequest>, ForgeError> {
    let path = format!("{}/repository/commits/{}/merge_requests?per_page={PER_PAGE}", reader.root, commit.0);
    let all = client.get_pages(FIND, &path, MOST_PAGES)?;
    all.iter().filter(|one| text(one, "state") == "merged").map(|one| found(reader, FIND, one)).collect()
}

/// One request.
pub(super) fn request(reader: &ReviewReader, client: &ForgeClient, number: u64) -> Result<FoundRequest, ForgeError> {
    found(reader, READ, &client.get(READ, &format!("{}/merge_requests/{number}", reader.root))?)
}

fn found(reader: &ReviewReader, doing: &'static str, one: &Value) -> Result<FoundRequest, ForgeError> {
    let head = text(one, "sha");
    if !is_commit(head) {
        return Err(ForgeError::lacking(doing, "sha"));
    }
    // `group/project!7`; absent in old versions, which answer with requests to the project alone.
    let full = one["references"]["full"].as_str().and_then(|full| full.rsplit_once('!'));
    let is_number = reader.repository.bytes().all(|digit| digit.is_ascii_digit());
    Ok(FoundRequest {
        number: number(doing, one, "iid")?,
        head: CommitId(head.to_lowercase()),
        opener: account(text(&one["author"], "username")),
        branch: text(one, "target_branch").to_owned(),
        is_merged: text(one, "state") == "merged",
        updated: text(one, "updated_at").to_owned(),
        is_here: is_number || full.is_none_or(|(project, _)| project.eq_ignore_ascii_case(&reader.repository)),
    })
}

pub(super) fn reviews_of(
    reader: &ReviewReader,
    client: &ForgeClient,
    request: &FoundRequest,
) -> Result<RequestReviews, ForgeError> {
    let root = format!("{}/merge_requests/{}", reader.root, request.number);
    let mut answer = RequestReviews::of(request);
    let read = client.get(READ, &format!("{root}/approvals"))?;
    let approvals: Vec<&Value> = read["approved_by"].as_array().into_iter().flatten().collect();
    let versions = if approvals.is_empty() {
        Vec::new()
    } else {
        client.get_pages(READ, &format!("{root}/versions?per_page={PER_PAGE}"), MOST_PAGES)?
    };
    let mut given = Vec::new();
    for one in approvals {
        let (name, at) = (text(&one["user"], "username"), text(one, "approved_at"));
        match version_at(&versions, at) {
            Ok(commit) => given.push(GivenReview { account: name, says: Says::Yes, commit, at, body: "" }),
            Err(why) => answer.discounted.push(ForgeUnheard::new(name, why)),
        }
    }
    // What GitLab writes by itself into a request, under the account that did it.
    let notes = format!("{root}/notes?activity_filter=only_activity&sort=asc&per_page={PER_PAGE}");
    let notes = optional(client.get_pages(READ, &notes, MOST_PAGES))?;
    answer.knows_pushers = notes.is_some();
    let notes: Vec<Value> = notes.into_iter().flatten().filter(|note| note["system"].as_bool() == Some(true)).collect();
    let pushes = notes.iter().filter(|note| is_push(text(note, "body")));
    let pushers = pushes.map(|note| text(&note["author"], "username")).filter(|name| !name.is_empty());
    answer.pushers = pushers.map(account).collect();
    let reviewers = optional(client.get_pages(READ, &format!("{root}/reviewers?per_page={PER_PAGE}"), MOST_PAGES))?;
    let objecting = reviewers.iter().flatten().filter(|one| text(one, "state") == "requested_changes");
    given.extend(objecting.map(|one| {
        let account = text(&one["user"], "username");
        let at = requested_at(&notes, account).unwrap_or(&request.updated);
        GivenReview { account, says: Says::No, commit: "", at, body: "" }
    }));
    answer.take(&given);
    Ok(answer)
}

/// When an account requested changes last; where no note says it, it is taken for as late as it can be.
fn requested_at<'n>(notes: &'n [Value], account: &str) -> Option<&'n str> {
    let own = |note: &&Value| text(&note["author"], "username").eq_ignore_ascii_case(account);
    let note = notes.iter().rev().filter(own).find(|note| text(note, "body").starts_with("requested changes"))?;
    Some(text(note, "created_at"))
}

/// A list that older versions, or a token of few rights, may lack.
fn optional(list: Result<Vec<Value>, ForgeError>) -> Result<Option<Vec<Value>>, ForgeError> {
    match list {
        Ok(list) => Ok(Some(list)),
        Err(error) if matches!(error.status(), Some(403 | 404)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `added 2 commits`, as GitLab notes a push.
fn is_push(body: &str) -> bool {
    let mut words = body.split_whitespace();
    words.next() == Some("added")
        && words.next().is_some_and(|count| count.bytes().all(|digit| digit.is_ascii_digit()))
        && words.next().is_some_and(|word| word.starts_with("commit"))
}

/// The head of the latest version that was there when something was said.
fn version_at<'v>(versions: &'v [Value], at: &str) -> Result<&'v str, &'static str> {
    let at = seconds(at).ok_or("the forge does not say when it was given")?;
    let mut known: Vec<(i64, &str)> = Vec::new();
    for version in versions {
        let made =
            seconds(text(version, "created_at")).ok_or("the forge does not say when its versions were pushed")?;
        known.push((made, text(version, "head_commit_sha")));
    }
    if known.iter().any(|(made, _)| (at - DOUBT..=at).contains(made)) && known.len() > 1 {
        return Err("it was given within seconds of a push, so it is in doubt which commits it is of");
    }
    let latest = known.into_iter().filter(|(made, _)| *made <= at).max_by_key(|(made, _)| *made);
    let head = latest.map(|(_, head)| head).filter(|head| is_commit(head));
    head.ok_or("the forge does not say of which commit it is")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_approval_is_of_the_version_before_it_and_in_doubt_of_none() {
        let version = |at: &str, head: char| json!({"created_at": at, "head_commit_sha": head.to_string().repeat(40)});
        let versions = [version("2026-11-30T10:05:00.500Z", 'b'), version("2026-11-30T10:00:00.000Z", 'a')];
        let of = |at: &str| version_at(&versions, at).map(|head| &head[..1]);
        assert_eq!(of("2026-11-30T10:04:59.900Z"), Ok("a"));
        assert_eq!(of("2026-11-30T11:04:59.900+01:00"), Ok("a"));
        assert!(of("2026-11-30T10:05:00.900Z").is_err_and(|why| why.contains("in doubt")));
        assert!(of("2026-11-30T10:05:04.000Z").is_err_and(|why| why.contains("in doubt")));
        assert_eq!(of("2026-11-30T10:05:06Z"), Ok("b"));
        assert!(of("2026-11-30T09:00:00Z").is_err_and(|why| why.contains("of which commit")));
        assert!(of("").is_err());
        assert_eq!(version_at(&versions[1..], "2026-11-30T10:00:01Z").map(|head| &head[..1]), Ok("a"));
        assert!(version_at(&[json!({"created_at": null})], "2026-11-30T10:00:01Z").is_err());
    }

    #[test]
    fn a_push_is_known_by_its_note() {
        assert!(is_push("added 1 commit\n\n<ul><li>abc</li></ul>") && is_push("added 12 commits"));
        assert!(!is_push("added ~bug label") && !is_push("approved this merge request") && !is_push(""));
    }
}
