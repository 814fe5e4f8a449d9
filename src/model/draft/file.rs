//! What one file says by itself: read once for each content, whatever else the garden holds.

use std::sync::Arc;

use super::Doubt;
use crate::model::PlacedFile;
use crate::model::boundary::is_organisation;
use crate::model::judgement::FileJudgement;
use crate::schema::CheckedFile;
use crate::syntax::Node;

/// A file with all that follows from it alone.
#[derive(Debug)]
pub(in crate::model) struct FileReading {
    /// The file, where it stands.
    pub(crate) placed: Arc<PlacedFile>,
    /// The nodes of the file that count where it stands.
    pub(crate) checked: Arc<CheckedFile>,
    /// Where its organisations stand among its nodes, retired ones too; none where it was not readable.
    pub(crate) organisations: Vec<usize>,
    /// Its `allow` and `severity` lines.
    pub(crate) judgement: FileJudgement,
    /// What it may hold beside what was read of it; absent where all was.
    pub(crate) doubt: Option<Doubt>,
}

impl FileReading {
    /// Reads a file.
    pub(in crate::model) fn of(placed: &Arc<PlacedFile>) -> Self {
        let checked = &placed.checked;
        let nodes = checked.document.nodes.iter().enumerate().filter(|_| checked.readable());
        let organisations = nodes.filter(|(_, node)| is_organisation(node)).map(|(at, _)| at).collect();
        Self {
            organisations,
            judgement: FileJudgement::of(checked),
            // The file of an organisation holds nothing that others use, so nothing of it is missed by them.
            doubt: placed.place.is_shared().then(|| Doubt::of_file(checked)).flatten(),
            placed: Arc::clone(placed),
            checked: Arc::clone(checked),
        }
    }

    /// Its nodes of a kind, where it could be read.
    pub(in crate::model) fn nodes<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Node> {
        let readable = self.checked.readable();
        self.checked.document.nodes.iter().filter(move |node| readable && node.name.value == kind)
    }
}
