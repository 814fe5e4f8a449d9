//! Settings that hold several values: lists, words in a property, maps, and the keys of what is repeated.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::{Decoder, as_written, is_extending};
use crate::expression::Value;
use crate::finding::{Code, Finding};
use crate::model::definition::{SettingDeclaration, SettingType};
use crate::model::{Layer, Setting};
use crate::schema::said_twice;
use crate::schema::scalar::{ScalarType, mismatch};
use crate::source::Span;
use crate::syntax::Value as Written;

/// The same said again, to the same effect.
pub(crate) const AGAIN: Code = Code::new("W0444");

/// The most words of a text that a fix of one of them writes again.
const MOST_MENDED: usize = 20;

/// A finding about one of the words of a text, whose fix writes the whole text.
fn among(mut finding: Finding, words: &[&str], at: usize, place: Span) -> Finding {
    if words.len() > MOST_MENDED {
        finding.fixes.clear();
    } else if words.len() > 1 {
        for edit in finding.fixes.iter_mut().flat_map(|fix| &mut fix.edits).filter(|edit| edit.span == place) {
            let mut mended = words.to_vec();
            mended[at] = edit.replacement.trim_matches('"');
            edit.replacement = format!("{:?}", mended.join(" "));
        }
    }
    finding
}

impl Decoder<'_> {
    pub(super) fn list(
        &mut self,
        declaration: &SettingDeclaration,
        inner: &SettingType,
        allowed: &[String],
        setting: &Setting,
        args: &[Written],
    ) -> Value {
        let args = match args {
            // One layer may extend what farther ones say; the layers have resolved it before the whole is decoded.
            [first, rest @ ..] if !self.whole && is_extending(first) => rest,
            args => args,
        };
        if !self.whole {
            let mut seen: BTreeMap<&str, &Written> = BTreeMap::new();
            for again in args {
                match seen.entry(&again.text) {
                    Entry::Vacant(place) => drop(place.insert(again)),
                    Entry::Occupied(first) => self.findings.push(said_twice(&declaration.name, again, first.get())),
                }
            }
        }
        let words = SettingType::Choice(allowed.iter().map(|word| (word.clone(), None)).collect());
        let kind = if allowed.is_empty() { inner } else { &words };
        let values: Vec<Value> =
            args.iter().map(|arg| self.scalar(&declaration.name, kind, arg, setting.layer)).collect();
        let values: Vec<Value> = values.into_iter().filter(|value| *value != Value::Absent).collect();
        if self.whole && values.is_empty() && declaration.required {
            self.missing(declaration, &declaration.name, setting.span);
        }
        self.bounds(declaration, Value::List(values), setting, args)
    }

    /// A list in a property: words with blanks between.
    pub(super) fn words(
        &mut self,
        member: &SettingDeclaration,
        inner: &SettingType,
        allowed: &[String],
        value: &Written,
        layer: Layer,
    ) -> Value {
        let words = SettingType::Choice(allowed.iter().map(|word| (word.clone(), None)).collect());
        let kind = if allowed.is_empty() { inner } else { &words };
        let words: Vec<&str> = value.text.split_whitespace().collect();
        let mut seen = BTreeSet::new();
        if let Some(again) = words.iter().find(|word| !seen.insert(**word)).filter(|_| !self.whole) {
            let title = format!("`{}` says `{again}` twice", member.name);
            self.findings
                .push(Finding::warning(AGAIN, title, value.span).help("once says it all: take the other away"));
        }
        let mut values = Vec::new();
        for (at, word) in words.iter().enumerate() {
            let before = std::mem::take(self.findings);
            values.push(self.scalar(&member.name, kind, &Written { text: (*word).to_owned(), ..value.clone() }, layer));
            let found = std::mem::replace(self.findings, before);
            found.into_iter().for_each(|finding| self.findings.push(among(finding, &words, at, value.span)));
        }
        Value::List(values)
    }

    pub(super) fn map(&mut self, declaration: &SettingDeclaration, inner: &SettingType, setting: &Setting) -> Value {
        let mut entries = BTreeMap::new();
        for (key, settings) in &setting.children {
            let Some(child) = settings.values().next() else { continue };
            self.key(declaration, key, child.span);
            let entry =
                SettingDeclaration { name: key.clone(), ..SettingDeclaration::of(inner.clone(), declaration.span) };
            let value = self.one(&entry, child, 0);
            if value != Value::Absent {
                entries.insert(key.clone(), value);
            }
        }
        Value::Map(entries)
    }

    /// A key is on one line, as what it becomes a key of.
    pub(super) fn key(&mut self, declaration: &SettingDeclaration, key: &str, span: Span) {
        let written = as_written(key, span);
        let finding = mismatch(&ScalarType::Text, &format!("a key of `{}`", declaration.name), &written);
        finding.into_iter().for_each(|finding| self.findings.push(finding));
    }
}
