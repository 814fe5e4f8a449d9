//! `size=10 GiB` and `cpu=10m`: amounts with their unit where only a scalar fits.

use std::ops::Range;

use super::outline::{Group, OutlineNode};
use super::repair::Repair;
use super::traps::Traps;
use super::word::{self, Word};
use crate::finding::{Applicability, Code, Edit, Extent, Finding, Fix};
use crate::source::Span;

/// The most amounts of one node that are shown beside the first.
const MOST_SHOWN: usize = 9;

impl Traps<'_> {
    /// Keeps a property of the node at hand for [`Traps::move_amounts`] where it is an amount.
    pub(super) fn is_quantity_in_property(&mut self, node: usize, index: usize, key: &Group, value: &Group) -> bool {
        if self.is_object(node) || value.len() != 1 {
            return false;
        }
        let parts = &self.outline.nodes[node].parts;
        let (text, key_text) = (self.text(value), self.text(key));
        let (number, unit, end) = match word::classify(text) {
            Word::Glued { number, .. } if text.ends_with('m') && key_text.contains("cpu") => {
                (number, "millicores", self.bytes(value).end)
            }
            Word::Glued { number, unit, .. } => (number, unit, self.bytes(value).end),
            Word::Number => {
                let next = parts.get(index + 1).filter(|part| part.key.is_none() && part.slashdash.is_none());
                let Some(word) = next.and_then(|part| part.value.as_ref()) else { return false };
                let Some((unit, _)) = word::unit_meant(self.text(word)) else { return false };
                (text, unit, self.bytes(word).end)
            }
            _ => return false,
        };
        let setting = format!("{key_text} {number} {}", word::unit_for(number, unit));
        let range = self.bytes(key).start..end;
        self.amounts.push((range, setting));
        // Its setting says whether it is an amount or a text; of a text nothing must be lost.
        let value = self.bytes(value).start..end;
        self.out.repairs.push(Repair::replace(value.clone(), format!("\"{}\"", &self.source[value])));
        true
    }

    /// One finding for the amounts of a node, which become settings in its block.
    pub(super) fn move_amounts(&mut self, node: &OutlineNode) {
        let amounts = std::mem::take(&mut self.amounts);
        let Some((first, setting)) = amounts.first() else { return };
        let text = self.source[first.clone()].to_owned();
        let title = format!("`{text}` is an amount with its unit in a property");
        let mut finding =
            Finding::unreadable(Code::new("E0014"), Extent::Place, title, Span::new(self.file, first.clone()))
                .why("a property holds one word or number; an amount is a setting of its own, two values");
        for (other, _) in amounts[1..].iter().take(MOST_SHOWN) {
            finding = finding.also(Span::new(self.file, other.clone()), "and here");
        }
        let edits = self.edits(node, &amounts);
        let edit = |(range, text): &(Range<usize>, String)| Edit {
            span: Span::new(self.file, range.clone()),
            replacement: text.clone(),
        };
        let title = match amounts.len() {
            1 => format!("write it as the setting `{setting}`"),
            _ => "write them as settings of the block".to_owned(),
        };
        finding.fixes.push(Fix { title, applicability: Applicability::Safe, edits: edits.iter().map(edit).collect() });
        self.out.findings.push(finding);
    }

    fn edits(&self, node: &OutlineNode, amounts: &[(Range<usize>, String)]) -> Vec<(Range<usize>, String)> {
        let mut edits: Vec<_> = amounts.iter().map(|(range, _)| (self.with_blank(range), String::new())).collect();
        let settings = amounts.iter().map(|(_, setting)| setting.as_str());
        if let Some(block) = node.block() {
            let open = self.tokens[block.open].end;
            let one_line = block.close.is_some_and(|close| !self.source[open..self.tokens[close].start].contains('\n'));
            let indent = self.indent_inside(block.open);
            let inside = settings
                .map(|setting| if one_line { format!(" {setting};") } else { format!("\n{indent}{setting}") })
                .collect();
            edits.push((open..open, inside));
        } else {
            let last = node.parts.last().expect("a node with amounts has parts");
            let end = self.bytes(&last.tokens()).end;
            let inside = settings.collect::<Vec<_>>().join("; ");
            edits.push((end..end, format!(" {{ {inside}; }}")));
        }
        edits
    }

    /// A range with the blank before it.
    fn with_blank(&self, range: &Range<usize>) -> Range<usize> {
        let blank = self.source[..range.start].ends_with(' ');
        range.start - usize::from(blank)..range.end
    }

    /// The indentation of the lines in a block.
    fn indent_inside(&self, open: usize) -> String {
        let line = self.source[..self.tokens[open].start].rfind('\n').map_or(0, |at| at + 1);
        let indent: String = self.source[line..].chars().take_while(|c| matches!(c, ' ' | '\t')).collect();
        format!("{indent}    ")
    }
}
