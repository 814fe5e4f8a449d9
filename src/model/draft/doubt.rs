//! Doubt about what could not be read: nobody is told that something is missing which may be written there.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::FileReading;
use crate::finding::{Effect, Extent, Findings};
use crate::model::Definition;
use crate::model::definition::Definitions;
use crate::model::names::unknown;
use crate::model::read::name_at;
use crate::name::Name;
use crate::schema::{CheckedFile, Language};
use crate::source::{FileId, Spanned};

/// What may be there although it could not be read: nobody is told that it is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::model) struct Doubt {
    /// Something was lost of which not even the name is known.
    anything: bool,
    /// A node of this kind whose name could not be read.
    kinds: BTreeSet<String>,
    /// The names of what was not read, of any kind.
    names: BTreeSet<String>,
}

impl Doubt {
    /// What these files may hold beside what was read of them.
    pub(in crate::model) fn of(files: &[Arc<FileReading>], findings: &Findings) -> Self {
        let own = files.iter().filter(|file| !file.placed.place.is_shared());
        let own: BTreeSet<FileId> = own.map(|file| file.checked.document.file).collect();
        // A text or comment that never ends takes in the rest of its file.
        let mut lost = findings.iter().filter(|finding| finding.effect == Effect::Unreadable(Extent::Rest));
        let anything = lost.any(|finding| !own.contains(&finding.file()));
        let mut doubt = Self { anything, ..Self::default() };
        for one in files.iter().filter_map(|file| file.doubt.as_ref()) {
            doubt.anything |= one.anything;
            doubt.kinds.extend(one.kinds.iter().cloned());
            doubt.names.extend(one.names.iter().cloned());
        }
        doubt
    }

    /// What one file may hold beside what was read of it; absent where all of it was read.
    pub(super) fn of_file(file: &CheckedFile) -> Option<Self> {
        let mut doubt = Self::default();
        let mut named = file.document.nodes.iter().filter(|node| node.name.value != "edition").peekable();
        doubt.anything = !file.readable() && named.peek().is_none();
        for node in named {
            let kind = node.name.value.as_str();
            let known = Language::embedded().node(&Language::embedded().garden_file, kind).is_some();
            if !file.readable() || !known {
                // A word that is cut off and names nothing may have been anything.
                doubt.anything |= !known && node.args.is_empty();
                doubt.names.extend(node.args.iter().map(|word| word.text.clone()));
            } else if file.is_malformed(node) || name_at(node, usize::from(kind == "retired")).is_none() {
                doubt.kinds.insert(kind.to_owned());
            }
        }
        (doubt != Self::default()).then_some(doubt)
    }

    /// Whether something of any kind may be there.
    pub(super) fn about_anything(&self) -> bool {
        self.anything || !self.names.is_empty()
    }

    /// Whether something of a kind and name may be there.
    pub(super) fn about(&self, kind: &str, name: &str) -> bool {
        self.anything || self.kinds.contains(kind) || self.names.contains(name)
    }
}

/// The definition of a written name; absent with a finding, or without where the definition is the broken one.
pub(super) fn definition<'a>(
    definitions: &'a Definitions,
    doubt: &Doubt,
    written: &Spanned<String>,
    findings: &mut Findings,
) -> Option<&'a Arc<Definition>> {
    let name = written.value.as_str();
    let found = definitions.loaded.get(name);
    if found.is_none()
        && Name::new(name).is_ok()
        && !definitions.broken.contains(name)
        && !doubt.about("definition", name)
    {
        let known = definitions.loaded.keys().map(Name::as_str);
        let finding = unknown("definition", written, known);
        findings.push(if finding.fixes.is_empty() {
            finding.help("a definition of your own is a file of the garden: `definition NAME { … }`")
        } else {
            finding
        });
    }
    found
}
