//! Fields of answers, and what several forges have in common.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::client::ForgeClient;
use super::{ForgeAccount, ForgeComment, ForgeError, LineThread, NewThread};

/// The longest name of a repository.
const LONGEST_REPOSITORY: usize = 500;

/// What stays as it is in a part of a path.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A text of an answer; empty where there is none.
pub(super) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// A number that must be there.
pub(super) fn number(doing: &'static str, value: &Value, field: &str) -> Result<u64, ForgeError> {
    value[field].as_u64().ok_or_else(|| ForgeError::lacking(doing, field))
}

/// An account whose login stands in a field.
pub(super) fn account(value: &Value, login: &str) -> Option<ForgeAccount> {
    let login = value[login].as_str()?.to_owned();
    Some(ForgeAccount { id: value["id"].as_u64(), login })
}

/// Asks which account the token is of; absent for tokens of apps, of jobs and of single repositories, which may not ask.
pub(super) fn account_of_token(client: &ForgeClient, login: &str) -> Result<Option<ForgeAccount>, ForgeError> {
    match client.get("ask whose the token is", "/user") {
        Ok(user) => Ok(account(&user, login)),
        Err(error) if matches!(error.status(), Some(401 | 403 | 404)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A comment; absent where it is of nobody or says nothing.
pub(super) fn comment(value: &Value, author: &str, login: &str) -> Option<ForgeComment> {
    let (id, body) = (value["id"].as_u64()?, value["body"].as_str()?.to_owned());
    Some(ForgeComment { id, author: account(&value[author], login)?, body })
}

/// An object with one field more, where there is something to say.
pub(super) fn within(mut object: Value, field: &str, value: Option<&str>) -> Value {
    if let Some(value) = value {
        object[field] = value.into();
    }
    object
}

/// `OWNER/NAME`, as it stands in a path.
pub(super) fn plain_repository(repository: &str) -> Result<String, ForgeError> {
    let parts: Vec<&str> = repository.split('/').collect();
    let is_name = |part: &&str| {
        let is_plain = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        !part.is_empty() && is_plain && *part != "." && *part != ".."
    };
    match parts[..] {
        [owner, name] if repository.len() <= LONGEST_REPOSITORY && is_name(&owner) && is_name(&name) => {
            Ok(repository.to_owned())
        }
        _ => Err(no_repository(repository, "OWNER/NAME")),
    }
}

/// `GROUP/…/NAME` or a number, as one part of a path.
pub(super) fn whole_path(repository: &str) -> Result<String, ForgeError> {
    let is_path = repository.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    if is_path && repository.len() <= LONGEST_REPOSITORY && !repository.chars().any(char::is_control) {
        Ok(utf8_percent_encode(repository, PART).to_string())
    } else {
        Err(no_repository(repository, "GROUP/NAME or a number"))
    }
}

fn no_repository(given: &str, form: &str) -> ForgeError {
    let given: String = given.chars().take(100).collect();
    ForgeError::Setting(format!("`{}` names no repository: it is written {form}", crate::visible::line(&given)))
}

/// Whether a text is a commit's whole id.
pub(crate) fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Makes threads in one call; where the forge refuses some of them with one of the statuses, each by itself. Returns those whose lines
/// it does not take.
pub(super) fn either_way(
    threads: &[NewThread],
    refused: &[u16],
    together: impl Fn(&[NewThread]) -> Result<(), ForgeError>,
    alone: impl Fn(&NewThread) -> Result<(), ForgeError>,
) -> Result<Vec<usize>, ForgeError> {
    let is_refusal = |error: &ForgeError| error.status().is_some_and(|status| refused.contains(&status));
    match together(threads) {
        Ok(()) => return Ok(Vec::new()),
        Err(error) if is_refusal(&error) => {}
        Err(error) => return Err(error),
    }
    let mut dropped = Vec::new();
    for (at, thread) in threads.iter().enumerate() {
        match alone(thread) {
            Ok(()) => {}
            Err(error) if is_refusal(&error) => dropped.push(at),
            Err(error) => return Err(error),
        }
    }
    Ok(dropped)
}

impl LineThread {
    /// A comment on a line that is its own thread.
    pub(super) fn of_comment(comment: ForgeComment) -> Self {
        let ForgeComment { id, author, body } = comment;
        Self { id: id.to_string(), comment: id, author, body, resolved: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_a_name_and_nothing_that_leads_elsewhere() {
        assert_eq!(plain_repository("o-1/n.a_b").as_deref(), Ok("o-1/n.a_b"));
        for bad in ["", "a", "a/b/c", "a/..", "../b", "a/b?x", "a/b#x", "a b/c", "a//", "é/b"] {
            assert!(plain_repository(bad).is_err(), "{bad:?}");
        }
        assert_eq!(whole_path("group/sub group/név").as_deref(), Ok("group%2Fsub%20group%2Fn%C3%A9v"));
        assert_eq!(whole_path("42").as_deref(), Ok("42"));
        for bad in ["", "a/../b", "/a", "a/", "a\nb"] {
            assert!(whole_path(bad).is_err(), "{bad:?}");
        }
    }
}
