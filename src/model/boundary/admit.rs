//! A file as it counts at its place: what does not belong there is a finding and has no effect.

use std::sync::Arc;

use super::{Boundary, FilePlace};
use crate::finding::{Code, Finding, Findings};
use crate::model::names::SAME_NAME;
use crate::model::read::name_at;
use crate::name::Name;
use crate::schema::{CheckedFile, Language};
use crate::source::Span;
use crate::syntax::Node;

/// Something else than its organisation in the file of one.
pub(crate) const NOT_OF_ONE: Code = Code::new("E0313");
/// An organisation where none counts.
pub(crate) const OUT_OF_PLACE: Code = Code::new("E0314");
/// A file of which nothing counts, for its path.
pub(crate) const NO_PLACE: Code = Code::new("E0315");
/// No `garden` node in `garden.kdl`, two of them, or one elsewhere.
pub(crate) const NO_GARDEN: Code = Code::new("E0305");

/// How many nodes of a file that do not count are told: the first ones say what is wrong with all.
const MOST_TOLD: usize = 20;
/// How many letters of such a node's line are shown.
const SHOWN: usize = 60;

/// A file with the nodes that count at its place.
#[derive(Debug)]
pub struct PlacedFile {
    pub(crate) place: FilePlace,
    pub(crate) checked: Arc<CheckedFile>,
    /// The nodes that do not count, in file order.
    refused: Vec<RefusedNode>,
}

/// A node that does not count where it stands.
#[derive(Debug)]
struct RefusedNode {
    span: Span,
    /// The organisation that it names.
    organisation: Option<Name>,
}

/// What becomes of a node.
enum Admission {
    Counts,
    /// It does not count, and something else says so.
    Told,
    Refused(Finding),
}

impl PlacedFile {
    /// Whether a place in the file lies in a node that does not count.
    pub(crate) fn is_refused(&self, place: Span) -> bool {
        let after = self.refused.partition_point(|node| node.span.start <= place.start);
        self.refused[..after].last().is_some_and(|node| place.end <= node.span.end.max(node.span.start + 1))
    }

    /// Organisations that the file names although none counts there; of the file of an organisation that is its own matter.
    pub(crate) fn misplaced(&self) -> impl Iterator<Item = &Name> {
        self.refused.iter().filter(|_| self.place.is_shared()).filter_map(|node| node.organisation.as_ref())
    }
}

impl Boundary {
    /// Takes from a checked file what does not count at its path. `findings` holds what was found in the file, of which what
    /// lies in such nodes is dropped.
    pub fn admit(&self, path: &str, mut file: CheckedFile, findings: &mut Findings) -> PlacedFile {
        let place = self.place(path);
        let (mut kept, mut refused, mut told) = (Vec::new(), Vec::new(), Vec::new());
        for node in std::mem::take(&mut file.document.nodes) {
            match self.admission(&place, path, &file, &node, &kept) {
                Admission::Counts => kept.push(node),
                Admission::Told => {}
                Admission::Refused(finding) => {
                    // Of a file of which nothing counts it is said once.
                    let most = if matches!(place, FilePlace::Misnamed | FilePlace::Misleading) { 1 } else { MOST_TOLD };
                    if told.len() < most {
                        told.push(finding);
                    }
                    refused.push(RefusedNode { span: node.span, organisation: organisation(&node) });
                }
            }
        }
        file.document.nodes = kept;
        let file_id = file.document.file;
        let readable = file.readable();
        let placed = PlacedFile { place, checked: Arc::new(file), refused };
        findings.retain(|finding| {
            finding.is_unreadable() || finding.file() != file_id || !placed.is_refused(finding.primary.span)
        });
        told.into_iter().filter(|_| readable).for_each(|finding| findings.push(finding));
        placed
    }

    fn admission(&self, place: &FilePlace, path: &str, file: &CheckedFile, node: &Node, before: &[Node]) -> Admission {
        if node.name.value == "edition" {
            return Admission::Counts;
        }
        let known = Language::embedded().node(&Language::embedded().garden_file, &node.name.value).is_some();
        match place {
            FilePlace::GardenFile | FilePlace::Garden if is_organisation(node) => {
                if self.known {
                    Admission::Refused(self.outside(node))
                } else {
                    Admission::Told
                }
            }
            FilePlace::Garden if node.name.value == "garden" => Admission::Refused(other_garden(node)),
            FilePlace::GardenFile | FilePlace::Garden => Admission::Counts,
            FilePlace::Organisation(_) if !known => Admission::Told,
            FilePlace::Organisation(name) => of_one(name, file, node, before),
            FilePlace::Misnamed => Admission::Refused(misnamed(path, node)),
            FilePlace::Misleading => Admission::Refused(self.misleading(path, node)),
        }
    }

    /// The finding about an organisation outside of the folders.
    fn outside(&self, node: &Node) -> Finding {
        let name = shortened(called(node));
        let folder = self.folders().next().unwrap_or_default();
        Finding::refused(OUT_OF_PLACE, format!("`{}` does not count here", head(node)), node.head)
            .why(format!("organisations stand below {}, each in a file called after it", self.shown()))
            .help(format!("move it to `{folder}/{name}.kdl`"))
    }

    /// The finding about a file at a path that is easily taken for another.
    fn misleading(&self, path: &str, node: &Node) -> Finding {
        Finding::refused(
            NO_PLACE,
            format!("nothing in this file counts: `{}` is easily taken for another path", path.escape_debug()),
            node.head,
        )
        .why(format!("what a file may say is decided by its path, and organisations stand below {}", self.shown()))
        .help("give file and folders plain names that differ from those in more than case, accents and blanks")
    }

    fn shown(&self) -> String {
        self.folders().map(|folder| format!("`{folder}`")).collect::<Vec<_>>().join(" and ")
    }
}

/// What becomes of a node in the file of an organisation.
fn of_one(name: &Name, file: &CheckedFile, node: &Node, before: &[Node]) -> Admission {
    if is_organisation(node) {
        let own = organisation(node);
        let first = before.iter().find(|other| is_organisation(other));
        return match (own, first) {
            (Some(own), None) if own == *name => Admission::Counts,
            // The schema tells of a second one of the same kind and name.
            (Some(own), Some(first)) if own == *name && first.name.value == node.name.value => Admission::Told,
            (None, _) if file.is_broken(node) => Admission::Told,
            // What its name is can be said once its form is right.
            (Some(_), None) if file.is_malformed(node) => Admission::Told,
            (_, Some(first)) if organisation(node).as_ref() == Some(name) => {
                Admission::Refused(second(name, node, first))
            }
            _ => Admission::Refused(another(name, node)),
        };
    }
    let kind = node.name.value.as_str();
    if kind == "retired" && file.is_broken(node) {
        return Admission::Told;
    }
    if matches!(kind, "cluster" | "offer") && node.children.is_empty() {
        return Admission::Refused(stray(kind, node));
    }
    Admission::Refused(not_of_one(name, node))
}

/// Tells of a line that slipped out of the braces of its organisation.
fn stray(kind: &str, node: &Node) -> Finding {
    Finding::error(SAME_NAME, format!("`{}` stands outside of the braces of its organisation", head(node)), node.head)
        .why(format!("here it would declare another {kind}"))
        .help("move it inside of `organisation … { … }`")
}

fn not_of_one(name: &Name, node: &Node) -> Finding {
    Finding::error(NOT_OF_ONE, format!("`{}` does not count in the file of an organisation", head(node)), node.head)
        .why(format!("this file says what concerns `{name}`, and reaches nobody else"))
        .help("move it to a file outside of the folder of organisations, or take it away")
}

fn another(name: &Name, node: &Node) -> Finding {
    let finding = Finding::error(OUT_OF_PLACE, format!("`{}` does not count here", head(node)), node.head)
        .label(format!("this file is called after `{name}`"))
        .why("a file of an organisation is called after it, so that its path says whom it concerns");
    match organisation(node) {
        Some(other) => finding.help(format!("call the file `{other}.kdl`, or the organisation `{name}`")),
        None => finding.help(format!("write `organisation {name} {{ … }}`")),
    }
}

fn second(name: &Name, node: &Node, first: &Node) -> Finding {
    Finding::error(SAME_NAME, format!("there are two organisations `{name}`"), node.head)
        .label("another one")
        .also(first.head, "one here")
        .why("a file declares one organisation: alive, or retired")
        .help("keep one of them")
}

fn misnamed(path: &str, node: &Node) -> Finding {
    let file = path.rsplit('/').next().unwrap_or(path).escape_debug().to_string();
    let finding = Finding::refused(
        NO_PLACE,
        format!("nothing in this file counts: `{file}` is called after no organisation"),
        node.head,
    )
    .why("below the folder of organisations a file declares the one that it is called after");
    match organisation(node) {
        Some(name) => finding.help(format!("call it `{name}.kdl`")),
        None => finding.help("call it after its organisation, `NAME.kdl`, or move it out of the folder"),
    }
}

fn other_garden(node: &Node) -> Finding {
    Finding::error(NO_GARDEN, format!("`{}` does not count here", head(node)), node.head)
        .why("a repository's garden is one, and it is said in `garden.kdl`: its name marks everything that it owns in a cluster")
        .help("move what it says to `garden.kdl`")
}

/// Whether a node is an organisation, alive or retired.
pub(in crate::model) fn is_organisation(node: &Node) -> bool {
    match node.name.value.as_str() {
        "organisation" => true,
        "retired" => node.arg(0).is_some_and(|word| word.text == "organisation"),
        _ => false,
    }
}

/// The name of an organisation's node.
fn organisation(node: &Node) -> Option<Name> {
    is_organisation(node).then(|| name_at(node, usize::from(node.name.value == "retired")))?.map(|name| name.value)
}

/// The name of an organisation's node as written.
fn called(node: &Node) -> &str {
    node.arg(usize::from(node.name.value == "retired")).map_or("NAME", |name| &name.text)
}

/// A node's kind and arguments.
fn head(node: &Node) -> String {
    let words = std::iter::once(&node.name.value).chain(node.args.iter().map(|arg| &arg.text));
    shortened(&words.take(3).map(String::as_str).collect::<Vec<_>>().join(" "))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
