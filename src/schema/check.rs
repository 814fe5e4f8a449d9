//! The check of documents against the schemas.

use std::collections::BTreeSet;

use crate::finding::{Applicability, Code, Finding, Findings, Severity};
use crate::schema::Checked;
use crate::schema::arguments::check_line;
use crate::schema::language::{Language, NodeShape, Occurs, Shape};
use crate::schema::suggest::{either, nearest};
use crate::source::Span;
use crate::syntax::{Document, Node};

/// A word that does not stand where it is written.
pub const UNKNOWN_WORD: Code = Code("E0101");
/// The same thing said twice.
pub const TWICE: Code = Code("E0102");
/// A node that must be there is not.
pub const MISSING_NODE: Code = Code("E0103");
/// A block where none belongs.
pub const NO_BLOCK: Code = Code("E0107");
/// A file that does not start with its edition.
pub const NO_EDITION: Code = Code("E0108");
/// An edition that this parcelle does not know.
pub const UNKNOWN_EDITION: Code = Code("E0109");

/// The edition of the language.
pub const EDITION: &str = "2026";

/// Where a check collects what it finds.
pub(super) struct Check<'a> {
    pub(super) language: &'a Language,
    pub(super) findings: &'a mut Findings,
    pub(super) broken: BTreeSet<Span>,
}

/// Checks a file of a garden.
pub(super) fn garden_file(document: Document, findings: &mut Findings) -> Checked {
    let language = Language::embedded();
    file(language, &language.garden_file, document, findings)
}

/// Checks a file of `schemas/language/`.
pub(super) fn schema_file(document: Document, findings: &mut Findings) -> Checked {
    let language = Language::embedded();
    let top = language.schemas.get("schema").unwrap_or(&language.garden_file);
    file(language, top, document, findings)
}

fn file<'a>(language: &'a Language, top: &'a Shape, document: Document, findings: &'a mut Findings) -> Checked {
    let mut check = Check { language, findings, broken: BTreeSet::new() };
    let known = check.edition(&document);
    if known {
        let rest = document.nodes.iter().filter(|node| node.name.value != "edition");
        check.block(top, &rest.collect::<Vec<_>>(), None);
    }
    let broken = check.broken;
    Checked { document, broken, readable: known }
}

impl<'a> Check<'a> {
    /// Pushes a finding about a node, and marks the node.
    pub(super) fn push(&mut self, node: &Node, finding: Finding) {
        if finding.severity == Severity::Error {
            self.broken.insert(node.head);
        }
        self.findings.push(finding);
    }

    /// Whether the file says an edition that we know; a file that says none is read as of ours.
    fn edition(&mut self, document: &Document) -> bool {
        let Some(first) = document.nodes.first() else { return true };
        if first.name.value == "edition" {
            return self.edition_node(first);
        }
        if let Some(later) = document.nodes.iter().find(|node| node.name.value == "edition") {
            let finding = Finding::error(NO_EDITION, "`edition` is not the first line of its file", later.head)
                .why("it says how everything below it is read")
                .help(format!("move `edition {EDITION}` to the top"));
            self.push(later, finding);
            return self.edition_node(later);
        }
        let unreadable = |finding: &Finding| finding.file() == document.file && finding.code.0.starts_with("E00");
        if !self.findings.iter().any(unreadable) {
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
        let mut seen: Vec<(&NodeShape, Vec<&str>, &Node)> = Vec::new();
        for node in nodes {
            if self.guard(shape, node) {
                continue;
            }
            let Some(known) = self.language.node(shape, &node.name.value) else {
                if self.language.open(shape).is_none() {
                    let finding = self.unknown(shape, node, parent);
                    self.push(node, finding);
                }
                continue;
            };
            let key = key_of(known, node);
            if let Some((_, _, first)) = seen.iter().find(|(other, other_key, _)| {
                other.name == known.name && (known.occurs != Occurs::Many || key_counts(known) && *other_key == key)
            }) {
                let finding = twice(known, node, first);
                self.push(node, finding);
            }
            seen.push((known, key, node));
            self.node(&known.shape, node);
        }
        if let Some(parent) = parent {
            self.missing(shape, &seen.iter().map(|(known, _, _)| known.name.as_str()).collect(), parent);
        }
    }

    /// Checks one node: its line, then its block.
    fn node(&mut self, shape: &'a Shape, node: &Node) {
        let Some(shape) = check_line(self, shape, node) else { return };
        let takes_block = !self.language.nodes(shape).is_empty()
            || self.language.open(shape).is_some()
            || self.language.guards(shape);
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

    fn missing(&mut self, shape: &Shape, seen: &BTreeSet<&str>, parent: &Node) {
        let missing: Vec<&NodeShape> = self.language.nodes(shape);
        for node in missing.into_iter().filter(|node| node.occurs == Occurs::Once && !seen.contains(node.name.as_str()))
        {
            let title = format!("{} lacks `{}`", called(parent), node.name);
            let finding = Finding::error(MISSING_NODE, title, parent.head);
            let finding = match &node.shape.about {
                Some(about) => finding.why(format!("`{}` says: {}", node.name, lower_first(about))),
                None => finding,
            };
            let finding = match &node.shape.example {
                Some(example) => finding.help(format!("add, for example, `{example}`")),
                None => finding.help(format!("add `{}` to its block", node.name)),
            };
            self.push(parent, finding);
        }
    }

    fn unknown(&self, shape: &Shape, node: &Node, parent: Option<&Node>) -> Finding {
        let word = node.name.value.as_str();
        let place = parent.map_or("the top of a file".to_owned(), |parent| format!("`{}`", parent.name.value));
        let finding = Finding::error(UNKNOWN_WORD, format!("`{word}` is not known in {place}"), node.name.span);
        let nodes = self.language.nodes(shape);
        let words: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
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
            return finding.label(format!("did you mean `{meant}`?")).fix(
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

/// Whether repetitions of a node are told apart at all.
fn key_counts(known: &NodeShape) -> bool {
    !known.key.is_empty() || !known.shape.forms.is_empty()
}

/// What tells repetitions of a node apart.
fn key_of<'a>(known: &NodeShape, node: &'a Node) -> Vec<&'a str> {
    if known.key.is_empty() {
        return node.args.iter().map(|value| value.text.as_str()).collect();
    }
    known.key.iter().filter_map(|at| node.arg(*at)).map(|value| value.text.as_str()).collect()
}

fn twice(known: &NodeShape, node: &Node, first: &Node) -> Finding {
    let what = match known.occurs {
        Occurs::Many => called(node),
        _ => format!("`{}`", node.name.value),
    };
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
