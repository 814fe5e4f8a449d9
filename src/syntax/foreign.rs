//! What other languages write: blocks by indentation and texts of YAML, tables of TOML, objects of JSON. Each is one
//! finding that says the words of KDL, since mending its signs one by one leads nowhere.

use super::lexer::TokenKind;
use super::outline::{Group, OutlineNode};
use super::repair::Repair;
use super::traps::Traps;
use super::values::EQUALS_OR_COLON;
use super::word;
use crate::finding::{Applicability, Code, Extent, Finding};
use crate::source::Span;

/// A form of another language.
pub(crate) const FOREIGN: Code = Code::new("E0033");

/// What begins a text over several lines in YAML.
const BLOCK_TEXTS: &[&str] = &["|", "|-", "|+", ">", ">-", ">+"];

const IN_KDL: &str =
    "a garden is written in KDL: a name, its values, and a block between `{` and `}`; indentation says nothing";

impl Traps<'_> {
    /// Finds the forms of other languages; true where the whole file is in one, so that nothing more is said of it.
    pub(super) fn foreign(&mut self) -> bool {
        if let Some(finding) = self.whole_file() {
            self.out.findings.push(finding);
            self.out.repairs.push(Repair::delete(self.tokens[0].start..self.source.len()));
            return true;
        }
        false
    }

    /// The finding about a file that is no KDL at all.
    fn whole_file(&self) -> Option<Finding> {
        let mut words = (0..self.tokens.len()).filter(|at| !self.tokens[*at].is_trivia());
        let first = words.next()?;
        if self.tokens[first].kind == TokenKind::Open {
            let next = words.next().map(|at| self.tokens[at].kind);
            let is_json = matches!(next, Some(TokenKind::Quoted { .. } | TokenKind::Close));
            return is_json.then(|| self.language("JSON", &(first..first + 1)).help("write `organisation alternatiba {` for `\"organisation\": {`, and `title \"Alternatiba\"` for `\"title\": \"Alternatiba\",`"));
        }
        let top = |at: &usize| self.outline.nodes[*at].parent.is_none();
        (0..self.outline.nodes.len()).filter(top).find_map(|at| {
            let node = &self.outline.nodes[at];
            let name = self.text(&node.name);
            if self.is_yaml_block(at) {
                return Some(self.language("YAML", &node.head()).help(yaml_block(name.trim_end_matches(':'))));
            }
            let table = name.trim_start_matches('[').trim_end_matches(']');
            let is_table = name.starts_with('[') && name.ends_with(']') && word::is_plain(table);
            (is_table && node.parts.is_empty() && node.blocks.is_empty()).then(|| {
                self.language("TOML", &node.head())
                    .help(format!("write `{table} {{` here, and `}}` after its last line"))
            })
        })
    }

    fn language(&self, language: &str, group: &Group) -> Finding {
        let span = Span::new(self.file, self.bytes(group));
        Finding::unreadable(FOREIGN, Extent::Nesting, format!("this file is written in {language}"), span).why(IN_KDL)
    }

    /// Whether a node is `key:` or `key: |` above lines that are indented deeper.
    pub(super) fn is_yaml_block(&self, at: usize) -> bool {
        let node = &self.outline.nodes[at];
        let is_key = self.text(&node.name).strip_suffix(':').is_some_and(word::is_plain);
        let values: Vec<&str> = node.parts.iter().filter_map(|part| Some(self.text(part.value.as_ref()?))).collect();
        let is_text = matches!(values[..], [begin] if BLOCK_TEXTS.contains(&begin));
        let next = self.outline.nodes.get(at + 1).filter(|next| next.parent == node.parent);
        let below = next.and_then(|next| self.indentation(next)).zip(self.indentation(node));
        is_key
            && node.blocks.is_empty()
            && (values.is_empty() || is_text)
            && below.is_some_and(|(below, own)| below > own)
    }

    /// Tells of a block by indentation inside of a block.
    pub(super) fn yaml_block(&mut self, at: usize) {
        let node = &self.outline.nodes[at];
        let (name, span) =
            (self.text(&node.name).trim_end_matches(':').to_owned(), Span::new(self.file, self.bytes(&node.head())));
        let finding = if node.parts.is_empty() {
            let finding = Finding::unreadable(FOREIGN, Extent::Nesting, format!("`{name}:` opens no block"), span);
            let has_items = self.outline.nodes.get(at + 1).is_some_and(|next| self.text(&next.name) == "-");
            if has_items {
                finding.help("words of a list stand behind its name: `modules calendar contacts`; of things with settings of their own each is a node")
            } else {
                finding.help(yaml_block(&name))
            }
        } else {
            Finding::unreadable(FOREIGN, Extent::Nesting, format!("`{name}: …` begins no text of several lines"), span)
                .help("such a text stands between `\"\"\"` and a line with `\"\"\"`, its lines in between indented as that one is")
        };
        self.out.findings.push(finding.why(IN_KDL));
    }

    /// How far the line is indented that a node begins; none where something stands before it on the line.
    fn indentation(&self, node: &OutlineNode) -> Option<usize> {
        let start = self.tokens[node.first()].start;
        let line = &self.source[self.source[..start].rfind('\n').map_or(0, |newline| newline + 1)..start];
        line.trim_start_matches('\u{FEFF}').trim().is_empty().then_some(line.len())
    }

    /// `---`, which begins a document of YAML.
    pub(super) fn document_mark(&mut self, node: &OutlineNode) -> bool {
        let is_mark = matches!(self.text(&node.name), "---" | "...") && node.parts.is_empty() && node.blocks.is_empty();
        if is_mark && node.parent.is_none() {
            let range = self.bytes(&node.name);
            let finding = Finding::unreadable(
                FOREIGN,
                Extent::Place,
                "`---` begins nothing here",
                Span::new(self.file, range.clone()),
            )
            .why("a file of KDL begins with its first node, `edition 2026`");
            self.replace(finding, Applicability::Safe, "take it out", range, "");
            return true;
        }
        false
    }

    /// Drops what is said of `:` behind the first block by indentation: that is what is meant by them.
    pub(super) fn join_foreign(&mut self) {
        let of_blocks = |finding: &&Finding| finding.code == FOREIGN;
        let Some(first) = self.out.findings.iter().find(of_blocks).map(|finding| finding.primary.span.start) else {
            return;
        };
        let mut seen = false;
        self.out.findings.retain(|finding| {
            let follows = finding.primary.span.start >= first;
            let again = finding.code == FOREIGN && std::mem::replace(&mut seen, true);
            !(follows && (finding.code == EQUALS_OR_COLON || again))
        });
    }
}

fn yaml_block(name: &str) -> String {
    format!("write `{name} {{` here and `}}` after the last line of it, and the lines inside without `:` and `-`")
}
