//! How much a file may say: enough for everything that a garden holds, and no more work than that.

use crate::finding::{Finding, Findings};
use crate::syntax::{Document, Node, TOO_MUCH};

/// The most findings about the words of one file; a file with more is not read.
pub(crate) const MOST_FINDINGS: usize = 200;

/// The most nodes of one file.
pub(crate) const MOST_NODES: usize = 5_000;

/// The finding about a file of which so much is wrong that the rest is not read.
pub(super) fn too_many(node: &Node) -> Finding {
    Finding::error(TOO_MUCH, "too much is wrong with this file: from here on it is not read", node.head)
        .why(format!("at most {MOST_FINDINGS} findings are shown of one file"))
        .help("so many usually have one cause near the top: mend the first ones and check again")
}

/// Whether a file has no more nodes than something of a garden may have; one that has is a finding.
pub(super) fn is_small(document: &Document, findings: &mut Findings) -> bool {
    let mut rest: Vec<&Node> = document.nodes.iter().collect();
    let mut count = 0;
    while let Some(node) = rest.pop() {
        count += 1;
        if count > MOST_NODES {
            let finding = Finding::error(TOO_MUCH, "this file says too much to be one of a garden", node.head)
                .why(format!("a file has at most {MOST_NODES} nodes"))
                .help("take out what does not belong there; clusters, offers and definitions may lie in several files");
            findings.push(finding);
            return false;
        }
        rest.extend(&node.children);
    }
    true
}
