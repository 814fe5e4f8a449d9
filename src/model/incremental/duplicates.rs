//! Which of several nodes of one name counts: the others have a finding, and stop nobody.

use std::collections::BTreeSet;

use crate::finding::{Finding, Findings};
use crate::model::names::SAME_NAME;
use crate::model::{Past, names};
use crate::name::Name;
use crate::source::{FileId, Sources, Span};
use crate::syntax::Node;

/// What of duplicates was found, and by what they are told apart.
pub(super) struct Duplicates<'a> {
    past: Option<&'a Past>,
    sources: &'a Sources,
    /// The first bytes of nodes that do not count.
    pub(super) uncounted: BTreeSet<Span>,
}

impl<'a> Duplicates<'a> {
    pub(super) fn new(past: Option<&'a Past>, sources: &'a Sources) -> Self {
        Self { past, sources, uncounted: BTreeSet::new() }
    }

    /// The place of the node that counts, of those of one kind and name: what is applied came from its file, or it stands in a
    /// file of its name, or it is the first. Tells of the others.
    pub(super) fn counted(&mut self, kind: &str, name: &Name, nodes: &[&Node], findings: &mut Findings) -> usize {
        if nodes.len() < 2 {
            return 0;
        }
        let counted = (0..nodes.len()).min_by_key(|at| self.rank(kind, name, nodes[*at].head.file)).unwrap_or(0);
        for (_, second) in nodes.iter().enumerate().filter(|(at, _)| *at != counted) {
            match kind {
                "organisation" => findings.push(two_organisations(name, second, nodes[counted])),
                _ => names::same(kind, name, second, nodes[counted], findings),
            }
            self.uncounted.insert(second.head);
        }
        counted
    }

    /// Whether what is applied under a name came from a file.
    pub(super) fn is_from(&self, kind: &str, name: &Name, file: FileId) -> bool {
        let path = self.sources.path(file);
        path.is_some() && self.past.is_some_and(|past| past.file_of(kind, name) == path)
    }

    /// The lower, the better the right to the name.
    fn rank(&self, kind: &str, name: &Name, file: FileId) -> (bool, bool) {
        let path = self.sources.path(file).and_then(|path| path.rsplit('/').next());
        let called = path.and_then(|file| file.strip_suffix(".kdl"));
        (!self.is_from(kind, name, file), called != Some(name.as_str()))
    }
}

fn two_organisations(name: &Name, second: &Node, first: &Node) -> Finding {
    Finding::refused(SAME_NAME, format!("there are two organisations `{name}`"), second.head)
        .label("another one")
        .also(first.head, "one here")
        .why("an organisation is one file, whichever folder that lies in")
        .help("rename or remove one of them")
}
