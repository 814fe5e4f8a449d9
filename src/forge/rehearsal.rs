//! A posting that is shown and not sent.

use std::fmt;

use serde_json::Value;

use super::client::ForgeCall;
use super::consent::RequestReviews;
use super::{
    CommitStatus, Forge, ForgeAccount, ForgeClient, ForgeComment, ForgeError, ForgeKind, LineThread, MergeRequest,
    NewThread, StatusState, SuggestionForm,
};

/// A forge that is asked nothing: its merge request is as it is taken to be, without comments, and what is written is kept.
pub(crate) struct Rehearsal {
    forge: Box<dyn Forge>,
    request: MergeRequest,
}

/// What would be sent to a forge.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rehearsed {
    kind: ForgeKind,
    calls: Vec<ForgeCall>,
}

impl Rehearsal {
    /// Takes a forge whose client sends nothing.
    pub(crate) fn new(forge: Box<dyn Forge>, request: MergeRequest) -> Self {
        Self { forge, request }
    }

    /// What was kept, in the order in which it would be sent.
    pub(crate) fn end(self) -> Rehearsed {
        Rehearsed { kind: self.forge.kind(), calls: self.forge.client().rehearsed() }
    }
}

impl Forge for Rehearsal {
    fn kind(&self) -> ForgeKind {
        self.forge.kind()
    }

    fn client(&self) -> &ForgeClient {
        self.forge.client()
    }

    fn request(&self) -> Result<MergeRequest, ForgeError> {
        Ok(self.request.clone())
    }

    fn me(&self) -> Result<Option<ForgeAccount>, ForgeError> {
        Ok(None)
    }

    fn comments(&self) -> Result<Vec<ForgeComment>, ForgeError> {
        Ok(Vec::new())
    }

    fn create_comment(&self, body: &str) -> Result<(), ForgeError> {
        self.forge.create_comment(body)
    }

    fn edit_comment(&self, id: u64, body: &str) -> Result<(), ForgeError> {
        self.forge.edit_comment(id, body)
    }

    fn set_status(&self, commit: &str, status: &CommitStatus) -> Result<Option<ForgeAccount>, ForgeError> {
        self.forge.set_status(commit, status)
    }

    fn status(&self, _commit: &str) -> Result<Option<StatusState>, ForgeError> {
        Ok(Some(StatusState::Pending))
    }

    fn reviews(&self) -> Result<RequestReviews, ForgeError> {
        let why = "a rehearsal asks nobody".to_owned();
        Err(ForgeError::NoAnswer { doing: "read the reviews", why, may_be_done: false })
    }

    fn threads(&self) -> Result<Vec<LineThread>, ForgeError> {
        Ok(Vec::new())
    }

    fn create_threads(&self, commit: &str, threads: &[NewThread]) -> Result<Vec<usize>, ForgeError> {
        self.forge.create_threads(commit, threads)
    }

    fn edit_thread(&self, thread: &LineThread, body: &str) -> Result<(), ForgeError> {
        self.forge.edit_thread(thread, body)
    }

    fn set_resolved(&self, thread: &LineThread, resolved: bool) -> Result<(), ForgeError> {
        self.forge.set_resolved(thread, resolved)
    }

    fn can_resolve(&self) -> bool {
        self.forge.can_resolve()
    }

    fn suggestion_form(&self) -> SuggestionForm {
        self.forge.suggestion_form()
    }
}

impl fmt::Display for Rehearsed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}:", self.kind)?;
        for call in &self.calls {
            writeln!(formatter, "\n{} {}", call.method, call.url)?;
            show(formatter, &call.body, 1)?;
        }
        Ok(())
    }
}

/// A value of JSON as people read it: a field a line, a text of several lines below its field.
fn show(formatter: &mut fmt::Formatter<'_>, value: &Value, depth: usize) -> fmt::Result {
    let margin = "  ".repeat(depth);
    let entries: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(field, value)| (field.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, item)| (format!("- {}", at + 1), item)).collect(),
        other => return writeln!(formatter, "{margin}{other}"),
    };
    for (name, value) in entries {
        match value {
            Value::String(text) if text.contains('\n') => {
                writeln!(formatter, "{margin}{name}:")?;
                text.trim_end().lines().try_for_each(|line| writeln!(formatter, "{margin}  | {line}"))?;
            }
            Value::String(text) => writeln!(formatter, "{margin}{name}: {text}")?,
            Value::Object(_) | Value::Array(_) => {
                writeln!(formatter, "{margin}{name}:")?;
                show(formatter, value, depth + 1)?;
            }
            other => writeln!(formatter, "{margin}{name}: {other}")?,
        }
    }
    Ok(())
}
