//! Which of several nodes of one name counts: the others have a finding, and stop nobody.

use std::collections::BTreeSet;

use crate::finding::{Finding, Findings};
use crate::model::names::SAME_NAME;
use crate::model::{Age, Past, WrittenClaim, names};
use crate::name::Name;
use crate::source::{FileId, Sources, Span};
use crate::syntax::Node;

/// What of duplicates was found, and by what they are told apart.
pub(super) struct Duplicates<'a> {
    past: Option<&'a Past>,
    sources: &'a Sources,
    /// The first bytes of nodes that do not count.
    pub(super) uncounted: BTreeSet<Span>,
    /// What only the history tells apart.
    pub(super) undecided: BTreeSet<WrittenClaim>,
}

impl<'a> Duplicates<'a> {
    pub(super) fn new(past: Option<&'a Past>, sources: &'a Sources) -> Self {
        Self { past, sources, uncounted: BTreeSet::new(), undecided: BTreeSet::new() }
    }

    /// The place of the node that counts, of those of one kind and name: what is applied came from its file, or it stands in a
    /// file of its name, or it is the oldest in the history. Tells of the others; of all, where two organisations are left.
    pub(super) fn counted(
        &mut self,
        kind: &'static str,
        name: &Name,
        nodes: &[&Node],
        findings: &mut Findings,
    ) -> usize {
        if nodes.len() < 2 {
            return 0;
        }
        let ranks: Vec<_> = nodes.iter().map(|node| self.rank(kind, name, node.head.file)).collect();
        let best = ranks.iter().min();
        let mut left: Vec<usize> = (0..nodes.len()).filter(|at| Some(&ranks[*at]) == best).collect();
        let files: BTreeSet<FileId> = left.iter().map(|at| nodes[*at].head.file).collect();
        if files.len() > 1 {
            let claims = left.iter().filter_map(|at| self.claim(kind, name, nodes[*at].head.file));
            let claims: Vec<WrittenClaim> = claims.collect();
            let age = |at: &usize| self.age(kind, name, nodes[*at].head.file);
            let is_oldest = |at: &usize| left.iter().all(|other| other == at || Age::is_older(age(at), age(other)));
            let oldest: Vec<usize> = left.iter().copied().filter(is_oldest).collect();
            if !oldest.is_empty() {
                left = oldest;
            }
            self.undecided.extend(claims);
        }
        let counted = left[0];
        let is_open = left.iter().any(|at| nodes[*at].head.file != nodes[counted].head.file);
        for (at, node) in nodes.iter().enumerate() {
            match kind {
                "organisation" if is_open && left.contains(&at) => {
                    let other = left.iter().find(|other| nodes[**other].head.file != node.head.file);
                    findings.push(first_unknown(name, node, nodes[*other.unwrap_or(&counted)]));
                }
                _ if at == counted => continue,
                "organisation" => findings.push(two_organisations(name, node, nodes[counted])),
                _ => names::same(kind, name, node, nodes[counted], findings),
            }
            if at != counted {
                self.uncounted.insert(node.head);
            }
        }
        counted
    }

    fn claim(&self, kind: &'static str, name: &Name, file: FileId) -> Option<WrittenClaim> {
        Some(WrittenClaim { path: self.sources.path(file)?.to_owned(), kind, value: name.to_string() })
    }

    /// How old a name is in a file; nothing where that is not known.
    fn age(&self, kind: &'static str, name: &Name, file: FileId) -> Option<Age> {
        self.past?.ages.get(&self.claim(kind, name, file)?).copied()
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

/// The finding about one of several organisations of a name, where nothing tells which was first.
fn first_unknown(name: &Name, node: &Node, other: &Node) -> Finding {
    Finding::refused(SAME_NAME, format!("there are two organisations `{name}`"), node.head)
        .label("one here")
        .also(other.head, "one here")
        .why(
            "an organisation is one file, and which of these was first is not known: nothing of it is applied from either, and the \
             history does not tell",
        )
        .help("remove the one that came later, or rename it")
        .stops(name.clone())
}
