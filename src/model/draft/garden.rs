//! The `garden` node.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::consent::{consent, people};
use super::{Doubt, FileReading};
use crate::finding::{Finding, Findings};
pub(crate) use crate::model::boundary::NO_GARDEN;
use crate::model::read::{amount_of, child, name_at, spelled, text_of, whole};
use crate::model::{Consent, Deletions, FilePlace, Garden, Grants, Reviewer};
use crate::name::Name;
use crate::quantity::{Dimension, Quantity};
use crate::schema::CheckedFile;
use crate::source::{FileId, Span};
use crate::syntax::Node;

/// How long data is kept where the garden says nothing.
pub(crate) const KEEP_DATA: Quantity = Quantity { dimension: Dimension::Duration, amount: 30 * 86_400 };
/// How many objects an organisation may lose undeclared where the garden says nothing.
pub(crate) const UNDECLARED: (u64, u64) = (20, 10);

/// The garden of the one node in `garden.kdl`, without what other files add; its name is absent where it could not be read.
pub(in crate::model) fn read(files: &[Arc<FileReading>], doubt: &Doubt, findings: &mut Findings) -> (Garden, bool) {
    let own = files.iter().filter(|file| file.placed.place == FilePlace::GardenFile);
    let mut nodes = own.flat_map(|file| file.nodes("garden").map(move |node| (&file.checked, node)));
    let Some((file, node)) = nodes.next() else {
        if let Some(finding) = absent(files, findings).filter(|_| !doubt.about_anything()) {
            findings.push(finding);
        }
        return (empty(files), false);
    };
    // The schema tells of a second one in the same file that has the same name.
    let same = |second: &Node| {
        second.head.file == node.head.file && second.arg(0).map(|name| &name.text) == node.arg(0).map(|name| &name.text)
    };
    for (_, second) in nodes.filter(|(_, second)| !same(second)) {
        let finding = Finding::error(NO_GARDEN, "there are two `garden` nodes", second.head)
            .label("another one")
            .also(node.head, "one here")
            .why("a repository's garden is one: its name marks everything that it owns in a cluster")
            .help("keep one of them");
        findings.push(finding);
    }
    let Some(name) = name_at(node, 0) else { return (empty(files), false) };
    let people = people(file, node, findings);
    let consent = consent(file, node, &people, findings);
    let garden = Garden {
        name: name.value,
        title: text_of(file, node, "title").map(|title| title.value).unwrap_or_default(),
        span: node.head,
        people,
        consent,
        reviewer: reviewer(file, node),
        deletions: deletions(file, node),
        ceiling: node.child("ceiling").map(|block| Grants::of(file, block)),
        hold: text_of(file, node, "hold"),
        pin: text_of(file, node, "pin"),
        rollback: child(file, node, "rollback").and_then(|rollback| rollback.prop("to")).map(spelled),
        ..empty(files)
    };
    (garden, true)
}

/// The finding about a garden without its node; none where a file could not be read, which said so itself.
fn absent(files: &[Arc<FileReading>], findings: &Findings) -> Option<Finding> {
    let own = files.iter().find(|file| file.placed.place == FilePlace::GardenFile).map(|file| &file.checked);
    let unread = own.is_some_and(|file| {
        !file.readable() || findings.iter().any(|one| one.is_unreadable() && one.file() == file.document.file)
    });
    // A second one in another file has its finding.
    let elsewhere = findings.iter().any(|finding| finding.code == NO_GARDEN);
    let first = own.into_iter().chain(files.iter().map(|file| &file.checked));
    let first = first.flat_map(|file| &file.document.nodes).next()?;
    (!unread && !elsewhere).then(|| {
        Finding::error(NO_GARDEN, "`garden.kdl` holds no `garden` node", first.head)
            .label("the first thing that was read")
            .why("its name marks everything that the garden owns in a cluster")
            .help("write `garden NAME { title \"…\"; }` in `garden.kdl`")
    })
}

fn empty(files: &[Arc<FileReading>]) -> Garden {
    let file = files.first().map_or(FileId(0), |file| file.checked.document.file);
    Garden {
        name: Name::new("garden").expect("a word of a to z is a name"),
        title: String::new(),
        span: Span::new(file, 0..0),
        people: BTreeMap::new(),
        consent: Consent::default(),
        reviewer: Reviewer::default(),
        deletions: Deletions {
            undeclared_at_most: UNDECLARED.0,
            undeclared_percent: UNDECLARED.1,
            keep_data: KEEP_DATA,
            span: None,
        },
        ceiling: None,
        hold: None,
        pin: None,
        rollback: None,
        clusters: BTreeMap::new(),
        offers: BTreeMap::new(),
        definitions: BTreeMap::new(),
        organisations: BTreeMap::new(),
        broken: std::collections::BTreeSet::new(),
        stopped: std::collections::BTreeMap::new(),
        judgement: crate::model::Judgement::default(),
        awaited: BTreeMap::new(),
        undecided: std::collections::BTreeSet::new(),
        unreadable: std::collections::BTreeSet::new(),
    }
}

fn reviewer(file: &CheckedFile, node: &Node) -> Reviewer {
    match child(file, node, "review").and_then(|review| review.prop("by")) {
        Some(by) if by.text == "daemon" => Reviewer::Daemon,
        _ => Reviewer::Ci,
    }
}

fn deletions(file: &CheckedFile, node: &Node) -> Deletions {
    let block = child(file, node, "deletions");
    let undeclared = block.and_then(|block| child(file, block, "undeclared"));
    let number = |name: &str| undeclared.and_then(|node| node.prop(name)).and_then(whole);
    Deletions {
        undeclared_at_most: number("at-most").unwrap_or(UNDECLARED.0),
        undeclared_percent: number("percent").unwrap_or(UNDECLARED.1),
        keep_data: block.and_then(|block| amount_of(file, block, "keep-data")).map_or(KEEP_DATA, |time| time.value),
        span: block.map(|block| block.span),
    }
}
