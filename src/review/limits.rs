//! Reading a review that somebody else wrote: within its limits, of its schema, or not at all.
//!
//! A pipeline that runs what a fork wrote can put anything into the file. Whatever is read here is text to be shown and numbers to be
//! counted; nothing of it names a request, a repository, a file to be opened or a command.

use super::{Review, SCHEMA};
use crate::name::Name;

/// The most bytes of a review.
pub(crate) const LARGEST: usize = 8 << 20;
/// The longest text of a review that is no detail, in bytes.
const LONGEST_TEXT: usize = 20_000;
/// The longest text of details, in bytes.
const LONGEST_DETAILS: usize = 1 << 20;
/// The most findings that are posted of a review.
const MOST_FINDINGS: usize = 10_000;

/// When a review can have been made, in Unix seconds: from 2020 to the year 9999.
const MADE: std::ops::Range<i64> = 1_577_836_800..253_402_300_800;

/// Why a review is not posted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReviewRefusal {
    /// It has more bytes than a review may have.
    #[error("it is larger than {} MiB, the most that a review may be", LARGEST >> 20)]
    TooLarge,
    /// It is no JSON of the schema.
    #[error("it is no review of the schema `{SCHEMA}`: {0}")]
    Form(String),
    /// It names another schema.
    #[error("its schema is `{}`, this parcelle reads `{SCHEMA}`", crate::visible::line(.0))]
    OtherSchema(String),
    /// A text in it is longer than such a text may be.
    #[error("a text in it is longer than {0} bytes")]
    TooLong(usize),
    /// A commit is no commit's id.
    #[error("it names a commit by something that is no id of a commit")]
    NoCommit,
    /// The garden's name is none.
    #[error("it names a garden by something that is no name")]
    NoName,
    /// It was made at no time that a calendar has.
    #[error("it says no time at which it was made")]
    Time,
    /// A path leads out of the repository.
    #[error("it names a file outside of the repository")]
    Path,
}

/// The schema that a JSON text names, if it is one.
#[derive(serde::Deserialize)]
struct Named {
    schema: String,
}

/// Reads a review.
pub(crate) fn read(bytes: &[u8]) -> Result<Review, ReviewRefusal> {
    if bytes.len() > LARGEST {
        return Err(ReviewRefusal::TooLarge);
    }
    let form = |error: &serde_json::Error| ReviewRefusal::Form(at(error));
    let named: Named = serde_json::from_slice(bytes).map_err(|error| form(&error))?;
    if named.schema != SCHEMA {
        return Err(ReviewRefusal::OtherSchema(named.schema.chars().take(80).collect()));
    }
    let review: Review = serde_json::from_slice(bytes).map_err(|error| form(&error))?;
    check(&review)?;
    Ok(review)
}

/// Where reading failed, in our words alone: what serde quotes is the text of others.
fn at(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Data => "a field is missing, unknown or of another type",
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Io | serde_json::error::Category::Syntax => "it is no JSON",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

fn check(review: &Review) -> Result<(), ReviewRefusal> {
    let is_commit = |id: &str| matches!(id.len(), 0 | 40 | 64) && id.bytes().all(|letter| letter.is_ascii_hexdigit());
    let base = match &review.against {
        super::Against::Commit { commit } => commit,
        super::Against::Snapshot { base, .. } => base,
        super::Against::Clusters => "",
    };
    let target = review.target.as_ref().map_or("", |target| &*target.commit);
    if ![&*review.head, base, target].into_iter().all(is_commit) {
        return Err(ReviewRefusal::NoCommit);
    }
    if !review.garden.is_empty() && Name::new(&review.garden).is_err() {
        return Err(ReviewRefusal::NoName);
    }
    if review.findings.len() > MOST_FINDINGS {
        return Err(ReviewRefusal::TooLong(MOST_FINDINGS));
    }
    let leads_out = |path: &str| {
        path.starts_with('/') || path.contains('\\') || path.split('/').any(|part| matches!(part, ".." | "." | ""))
    };
    if !MADE.contains(&review.made) {
        return Err(ReviewRefusal::Time);
    }
    let mut rest = review.clone();
    let details = rest.plan.as_mut().map(|plan| std::mem::take(&mut plan.details)).unwrap_or_default();
    if details.iter().any(|details| details.text.len() > LONGEST_DETAILS) {
        return Err(ReviewRefusal::TooLong(LONGEST_DETAILS));
    }
    let value = serde_json::to_value(&rest).map_err(|error| ReviewRefusal::Form(at(&error)))?;
    if files(&value).into_iter().any(leads_out) {
        return Err(ReviewRefusal::Path);
    }
    if longest(&value) > LONGEST_TEXT { Err(ReviewRefusal::TooLong(LONGEST_TEXT)) } else { Ok(()) }
}

/// The files of all places in a value.
fn files(value: &serde_json::Value) -> Vec<&str> {
    match value {
        serde_json::Value::Array(items) => items.iter().flat_map(files).collect(),
        serde_json::Value::Object(fields) => {
            let own = fields.get("file").and_then(serde_json::Value::as_str);
            own.into_iter().chain(fields.values().flat_map(files)).collect()
        }
        _ => Vec::new(),
    }
}

/// The longest text anywhere in a value, names of fields among them.
fn longest(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::String(text) => text.len(),
        serde_json::Value::Array(items) => items.iter().map(longest).max().unwrap_or(0),
        serde_json::Value::Object(fields) => {
            fields.iter().map(|(key, value)| key.len().max(longest(value))).max().unwrap_or(0)
        }
        _ => 0,
    }
}
