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
