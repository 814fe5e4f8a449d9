//! The nodes at the top of all files.

use std::sync::Arc;

use super::FileReading;
use crate::schema::CheckedFile;
use crate::syntax::Node;

/// The nodes of a kind at the top of all files that could be read.
pub(in crate::model) fn top<'a>(
    files: &'a [Arc<FileReading>],
    kind: &'a str,
) -> impl Iterator<Item = (&'a Arc<CheckedFile>, &'a Node)> + use<'a> {
    files.iter().flat_map(move |file| file.nodes(kind).map(move |node| (&file.checked, node)))
}

/// The first node of the same kind and name.
pub(in crate::model) fn first_of<'a>(files: &'a [Arc<FileReading>], node: &'a Node) -> &'a Node {
    let same = |other: &&Node| other.arg(0).map(|name| &name.text) == node.arg(0).map(|name| &name.text);
    top(files, &node.name.value).map(|(_, other)| other).find(same).unwrap_or(node)
}
