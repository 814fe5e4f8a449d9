//! `- name: x`: an item of a list as YAML writes it, which KDL reads as a node that is called `-`.

use crate::finding::Finding;
use crate::syntax::{FOREIGN, Node};

/// Whether a node is written as an item.
pub(crate) fn is_item(node: &Node) -> bool {
    node.name.value == "-"
}

/// The finding about the first item of a list.
pub(crate) fn item(node: &Node) -> Finding {
    Finding::refused(FOREIGN, "`-` begins no item of a list", node.head)
        .why("words of a list stand on the line of its name; of things with settings of their own each is a node by its name")
        .help("write `modules calendar contacts`, or `app nextcloud cloud { … }` for each")
}
