//! The check of documents against the schemas.

use std::collections::BTreeSet;

use crate::finding::{Applicability, Code, Effect, Finding, Findings, Severity};
use crate::schema::CheckedFile;
use crate::schema::arguments::check_line;
use crate::schema::language::{Language, NodeShape, Occurs, Shape};
use crate::schema::seen::SeenNodes;
use crate::schema::size;
use crate::schema::suggest::{either, nearest, without_capitals};
use crate::source::{FileId, Span};
use crate::syntax::{Document, NO_TEXT, Node};

/// A word that does not stand where it is written.
pub(crate) const UNKNOWN_WORD: Code = Code::new("E0101");
/// The same thing said twice.
pub(crate) const TWICE: Code = Code::new("E0102");
/// A node that must be there is not.
pub(crate) const MISSING_NODE: Code = Code::new("E0103");
/// A block where none belongs.
pub(crate) const NO_BLOCK: Code = Code::new("E0107");
/// A file that does not start with its edition.
pub(crate) const NO_EDITION: Code = Code::new("E0108");
/// An edition that this parcelle does not know.
pub(crate) const UNKNOWN_EDITION: Code = Code::new("E0109");

/// A file with nothing in it.
pub(crate) const EMPTY: Code = Code::new("E0110");

/// The edition of the language.
pub(crate) const EDITION: &str = "2026";

/// Where a check collects what it finds.
pub(super) struct Check<'a> {
    pub(super) language: &'a Language,
    pub(super) findings: &'a mut Findings,
    pub(super) broken: BTreeSet<Span>,
    /// Where the form of the file was wrong: what stands there was mended by guess, and nothing more is said about it.
    malformed: Vec<Span>,
    /// Whether bytes that are no text were replaced.
    replaced: bool,
    /// How many findings about words of the file may still be told.
    room: usize,
}

/// Checks a file against the shape of its top level.
pub(super) fn file<'a>(
    language: &'a Language,
    top: &'a Shape,
    document: Document,
    findings: &'a mut Findings,
) -> CheckedFile {
    let unread = document.refused || is_structure_doubtful(document.file, findings);
    let malformed = malformed(document.file, findings);
    let replaced = findings.iter().any(|finding| finding.code == NO_TEXT && finding.file() == document.file);
    let mut check =
        Check { language, findings, broken: BTreeSet::new(), malformed, replaced, room: size::MOST_FINDINGS };
    let unread = unread || document.nodes.is_empty() && !check.malformed.is_empty();
    let known = !unread
        && check.edition(&document)
        && check.holds_something(&document)
        && size::is_small(&document, check.findings);
    if known {
        let rest = document.nodes.iter().filter(|node| node.name.value != "edition");
        check.block(top, &rest.collect::<Vec<_>>(), None);
    }
    let Check { broken, malformed, room, .. } = check;
    CheckedFile { document, broken, malformed, readable: known && room > 0 }
}

/// Whether it is not known which node stands in which.
fn is_structure_doubtful(file: FileId, findings: &Findings) -> bool {
    findings.iter().any(|finding| finding.file() == file && finding.hides_nesting())
}

/// The places of what is wrong with the form of a file.
fn malformed(file: FileId, findings: &Findings) -> Vec<Span> {
    let of_form = findings.iter().filter(|finding| finding.is_unreadable() && finding.file() == file);
    of_form.map(|finding| finding.primary.span).collect()
}

impl<'a> Check<'a> {
    /// Whether the form of something within a span was wrong.
    fn is_malformed(&self, span: Span) -> bool {
        super::touches(&self.malformed, span)
    }

    /// Whether nothing more can be said of a node's line: its form was wrong, or bytes of it are lost.
    fn is_line_malformed(&self, node: &Node) -> bool {
        let lost = |text: &str| text.contains('\u{FFFD}');
        let texts = node.args.iter().chain(node.props.iter().map(|prop| &prop.value)).map(|value| &*value.text);
        self.is_malformed(node.head) || self.replaced && (lost(&node.name.value) || { texts }.any(lost))
    }

    /// Marks the nodes of an open block whose form was wrong: what reads it says nothing more about them.
    fn mark_malformed(&mut self, node: &Node) {
        if self.is_line_malformed(node) {
            self.broken.insert(node.head);
        }
        node.children.iter().for_each(|child| self.mark_malformed(child));
    }

    /// A finding about a file that says nothing: what it should hold was probably lost.
    fn holds_something(&mut self, document: &Document) -> bool {
        let something = document.nodes.iter().any(|node| node.name.value != "edition");
        if !something && self.malformed.is_empty() {
            let finding = Finding::error(EMPTY, "this file holds nothing", Span::new(document.file, 0..0))
                .why("what was written in it may have been lost, so nothing is taken away because of it")
                .help("write an organisation in it (`parcelle new org` shows one), or delete the file");
            self.findings.push(finding);
        }
        something
    }

    /// Pushes a finding about a node, and marks the node.
    pub(super) fn push(&mut self, node: &Node, finding: Finding) {
        if finding.severity == Severity::Error {
            self.broken.insert(node.head);
        }
        if self.room > 0 {
            self.room -= 1;
            self.findings.push(if self.room == 0 { size::too_many(node) } else { finding });
        }
    }

    /// Whether the file says an edition that we know; a file that says none is read as of ours.
    fn edition(&mut self, document: &Document) -> bool {
        let Some(first) = document.nodes.first() else { return true };
        if first.name.value == "edition" {
            if let Some(again) = document.nodes[1..].iter().find(|node| node.name.value == "edition") {
                let finding = twice_said(again, first, "`edition`".to_owned());
                self.push(again, finding);
            }
            return self.edition_node(first);
        }
        if let Some(later) = document.nodes.iter().find(|node| node.name.value == "edition") {
            let finding = Finding::error(NO_EDITION, "`edition` is not the first line of its file", later.head)
                .why("it says how everything below it is read")
                .help(format!("move `edition {EDITION}` to the top"));
            self.push(later, finding);
            return self.edition_node(later);
        }
        // A first word that is not known was probably meant as `edition`, and has its finding.
        let top = &self.language.garden_file;
        let known = self.language.node(top, &first.name.value).is_some() || !may_be_edition(first);
        if self.malformed.is_empty() && known {
            let start = Span { end: first.head.start, start: 0, ..first.head };
            let finding = Finding::error(NO_EDITION, "the file does not say its edition", first.head)
                .why("each file starts with the edition of the language that it is written in")
                .help(format!("put `edition {EDITION}` at the top"))
                .fix(
                    Applicability::Safe,
                    format!("put `edition {EDITION}` at the top"),
                    Span { end: start.start, ..start },
                    format!("edition {EDITION}\n\n"),
                );
            self.findings.push(finding);
        }
        true
    }

    fn edition_node(&mut self, node: &Node) -> bool {
        if self.is_line_malformed(node) {
            return true;
        }
        let written = node.arg(0).map(|value| value.text.as_str()).unwrap_or_default();
        if written == EDITION && node.args.len() == 1 && node.props.is_empty() && node.children.is_empty() {
            return true;
        }
        let finding = if written == EDITION {
            Finding::error(UNKNOWN_EDITION, "`edition` holds more than a year", node.head)
        } else {
            Finding::error(UNKNOWN_EDITION, format!("parcelle does not know edition `{written}`"), node.head)
                .why("an edition fixes what the words of a file mean, so nothing else in this file was read")
        };
        let finding = finding.help(format!("write `edition {EDITION}`, or use a parcelle that knows the other")).fix(
            Applicability::Guess,
            format!("write `edition {EDITION}`"),
            node.head,
            format!("edition {EDITION}"),
        );
        self.push(node, finding);
        false
    }

    /// Checks the nodes of a block; `parent` is none at the top of a file.
    fn block(&mut self, shape: &'a Shape, nodes: &[&Node], parent: Option<&Node>) {
        let mut seen = SeenNodes::default();
        let mut unknown = false;
        let is_there = |known: &NodeShape| nodes.iter().any(|node| node.name.value == known.name);
        let lacks = self.language.nodes(shape).iter().any(|known| known.occurs == Occurs::Once && !is_there(known));
        for node in nodes {
            if self.room == 0 {
                return;
            }
            let malformed = self.is_line_malformed(node);
            if malformed {
                self.broken.insert(node.head);
            }
            if self.guard(shape, node) {
                continue;
            }
            let Some(known) = self.language.node(shape, &node.name.value) else {
                if self.language.open(shape).is_some() {
                    self.mark_malformed(node);
                } else {
                    unknown = true;
                    self.broken.insert(node.head);
                    if !malformed {
                        let finding = self.unknown(shape, node, parent);
                        // It may be what must be there, of which then nothing is known.
                        let effect = if lacks { Effect::MeaningLost } else { finding.effect };
                        self.push(node, Finding { effect, ..finding });
                    }
                }
                continue;
            };
            if let Some(first) = seen.add(known, node)
                && !malformed
            {
                let finding = twice(known, node, first);
                self.push(node, finding);
            }
            self.node(&known.shape, node);
        }
        // What is missing may be what a word that is not known, or something malformed, was meant as.
        if let Some(parent) = parent.filter(|parent| !unknown && !self.is_malformed(parent.span)) {
            self.missing(shape, &seen.names, parent);
        }
    }

    /// Checks one node: its line, then its block.
    fn node(&mut self, shape: &'a Shape, node: &Node) {
        let malformed = self.is_line_malformed(node);
        let Some(shape) = check_line(self, shape, node, malformed) else { return };
        let takes_block = !self.language.nodes(shape).is_empty()
            || self.language.open(shape).is_some()
            || self.language.guards(shape);
        if !takes_block && malformed {
            return;
        }
        if !takes_block && !node.children.is_empty() {
            let finding =
                Finding::error(NO_BLOCK, format!("`{}` takes no block", node.name.value), node.children[0].head)
                    .also(node.head, "this is all of it")
                    .help(match &shape.example {
                        Some(example) => format!("write it as `{example}`"),
                        None => "take the braces and what they hold away".to_owned(),
                    });
            self.push(node, finding);
            return;
        }
        self.block(shape, &node.children.iter().collect::<Vec<_>>(), Some(node));
    }

    /// Handles `@when` and `@each`; false where the node is none of them, or none is allowed here.
    fn guard(&mut self, shape: &'a Shape, node: &Node) -> bool {
        let name = node.name.value.as_str();
        if !matches!(name, "@when" | "@each") || !self.language.guards(shape) {
            return false;
        }
        let (right, example) = match name {
            "@when" => (node.args.len() == 1 && node.props.is_empty(), "@when \"settings.office != 'none'\" { … }"),
            _ => (
                node.args.len() == 1 && node.props.len() == 1 && node.prop("in").is_some(),
                "@each group in=\"settings.groups\" { … }",
            ),
        };
        if !right {
            let finding = Finding::error(super::arguments::MISSING, format!("`{name}` is not complete"), node.head)
                .help(format!("write it as `{example}`"));
            self.push(node, finding);
        }
        self.block(shape, &node.children.iter().collect::<Vec<_>>(), None);
        true
    }

    /// One finding about all that a block lacks.
    fn missing(&mut self, shape: &Shape, seen: &BTreeSet<&str>, parent: &Node) {
        let is_missing = |node: &&NodeShape| node.occurs == Occurs::Once && !seen.contains(node.name.as_str());
        let missing: Vec<&NodeShape> = self.language.nodes(shape).into_iter().filter(is_missing).collect();
        if missing.is_empty() {
            return;
        }
        let names = either(missing.iter().map(|node| node.name.as_str())).replace(" or ", " and ");
        let mut finding = Finding::error(MISSING_NODE, format!("{} lacks {names}", called(parent)), parent.head);
        let abouts = missing
            .iter()
            .filter_map(|node| Some(format!("`{}` says: {}", node.name, lower_first(node.shape.about.as_ref()?))));
        let why = abouts.collect::<Vec<_>>().join("\n");
        if !why.is_empty() {
            finding = finding.why(why);
        }
        for node in missing {
            finding = match &node.shape.example {
                Some(example) => finding.help(format!("add, for example, `{example}`")),
                None => finding.help(format!("add `{}` to its block", node.name)),
            };
        }
        self.push(parent, finding);
    }

    fn unknown(&self, shape: &Shape, node: &Node, parent: Option<&Node>) -> Finding {
        let word = node.name.value.as_str();
        let place = parent.map_or("the top of a file".to_owned(), |parent| format!("`{}`", parent.name.value));
        let finding = Finding::refused(UNKNOWN_WORD, format!("`{word}` is not known in {place}"), node.name.span);
        let nodes = self.language.nodes(shape);
        let mut words: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
        if parent.is_none() && may_be_edition(node) {
            words = vec!["edition"];
        }
        if let Some(parent) = parent
            && self.language.props(shape).iter().any(|prop| prop.name == word)
        {
            let value = node.arg(0).map_or("…", |value| value.text.as_str());
            return finding.help(format!("it stands on the line: `{} {word}={value}`", parent.name.value));
        }
        let holds_apps = words.contains(&"app");
        if holds_apps && self.language.settings.iter().any(|setting| setting == word) {
            return finding
                .help("it is a setting of an app: write it inside `app … { }`, or in `defaults` for every app");
        }
        if let Some(meant) = nearest(word, words.iter().copied()) {
            return without_capitals(finding, word, meant).fix(
                Applicability::Guess,
                format!("write `{meant}`"),
                node.name.span,
                meant,
            );
        }
        let homes = self.language.homes(word);
        if !homes.is_empty() && homes.len() <= 3 {
            return finding.help(format!("it belongs in {}", either(homes.iter().map(String::as_str))));
        }
        finding.help(if words.is_empty() {
            "nothing stands here".to_owned()
        } else {
            format!("here stand {}", either(words).replace(" or ", " and "))
        })
    }
}

/// Whether a word is `edition` with a mistake in it.
fn may_be_edition(node: &Node) -> bool {
    node.children.is_empty()
        && (node.args.iter().any(|word| word.text == EDITION) || nearest(&node.name.value, ["edition"]).is_some())
}

fn twice(known: &NodeShape, node: &Node, first: &Node) -> Finding {
    let what = match known.occurs {
        Occurs::Many => called(node),
        _ => format!("`{}`", node.name.value),
    };
    twice_said(node, first, what)
}

fn twice_said(node: &Node, first: &Node, what: String) -> Finding {
    Finding::error(TWICE, format!("{what} is written twice"), node.head)
        .label("again")
        .also(first.head, "first here")
        .why("parcelle does not choose which of the two is meant")
        .help("keep one of them")
}

/// A node as messages call it: "`app nextcloud cloud`".
pub(super) fn called(node: &Node) -> String {
    let words = std::iter::once(node.name.value.as_str()).chain(node.args.iter().map(|value| value.text.as_str()));
    format!("`{}`", words.collect::<Vec<_>>().join(" "))
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
