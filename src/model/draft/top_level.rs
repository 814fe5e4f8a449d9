//! The nodes at the top of all files, and lines that stand there by mistake.

use std::sync::Arc;

use super::FileReading;
use crate::finding::{Finding, Findings};
use crate::model::names::SAME_NAME;
use crate::schema::CheckedFile;
use crate::syntax::Node;

/// The nodes of a kind at the top of all files that could be read.
pub(in crate::model) fn top<'a>(
    files: &'a [Arc<FileReading>],
    kind: &'a str,
) -> impl Iterator<Item = (&'a Arc<CheckedFile>, &'a Node)> + use<'a> {
    files.iter().flat_map(move |file| file.nodes(kind).map(move |node| (&file.checked, node)))
}

/// Tells of lines that slipped out of the braces of their organisation, where the schema has not.
pub(in crate::model) fn strays(files: &[Arc<FileReading>], findings: &mut Findings) {
    let named = ["cluster", "offer"].into_iter().flat_map(|kind| top(files, kind).map(move |found| (kind, found)));
    for (kind, (_, node)) in named.filter(|(_, (file, node))| is_stray(file, node) && !file.is_broken(node)) {
        let name = node.arg(0).map_or("", |name| &name.text);
        let title = format!("`{kind} {name}` stands outside of the braces of its organisation");
        let finding = Finding::error(SAME_NAME, title, node.head);
        findings.push(
            finding
                .why(format!("here it would declare another {kind}"))
                .help("move it inside of `organisation … { … }`"),
        );
    }
}

/// Whether a line slipped out of the braces of its organisation: what it names is declared elsewhere.
pub(in crate::model) fn is_stray(file: &CheckedFile, node: &Node) -> bool {
    let organisation = |node: &Node| matches!(node.name.value.as_str(), "organisation" | "retired");
    node.children.is_empty() && file.document.nodes.iter().any(organisation)
}
