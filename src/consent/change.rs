//! What a change is: known by its content, whatever commits carry it.

use std::collections::BTreeSet;

use crate::git::{ChangedFiles, CommitId};
use crate::model::Class;
use crate::name::Name;

/// A change's id: the SHA-256 of its garden's name and of what it makes of each file, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct ChangeId(pub(crate) String);

impl ChangeId {
    /// The id of what a change makes of a garden's files.
    pub(crate) fn of(content: &ChangedFiles, garden: &Name) -> Self {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        let mut add = |text: &[u8]| {
            context.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(text);
        };
        add(b"parcelle.dev/change/v1");
        add(garden.as_str().as_bytes());
        for (path, (before, after)) in &content.files {
            add(path.as_bytes());
            for state in [before, after] {
                let (mode, blob) = state.as_ref().map_or((0, ""), |state| (state.mode, &state.blob));
                add(&mode.to_be_bytes());
                add(blob.as_bytes());
            }
        }
        Self(context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The first twelve characters, as people are told of it.
    pub(crate) fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

/// Who wrote a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Authors {
    /// Those of the garden's people who did: opener and pusher on a forge, author, committer or signature of any commit.
    pub(crate) people: BTreeSet<Name>,
    /// Others, as they are named.
    pub(crate) others: BTreeSet<String>,
    /// Whether a forge or signed commits say so; names in commits alone can be anybody's.
    pub(crate) vouched: bool,
}

/// A change on the line of commits that the loop follows: one commit, or several in a row together.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) id: ChangeId,
    /// The commit that it is made to.
    pub(crate) before: CommitId,
    /// The commit that it comes to.
    pub(crate) after: CommitId,
    /// The garden files that it touches, in order.
    pub(crate) files: Vec<String>,
    /// What it does, by kind.
    pub(crate) classes: BTreeSet<Class>,
    pub(crate) authors: Authors,
    /// Where commits must be signed: those that change the garden and are not, with the reason.
    pub(crate) unsigned: Vec<(CommitId, String)>,
}
