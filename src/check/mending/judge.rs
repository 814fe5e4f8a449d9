//! Whether texts with fixes applied are better than those before.

use std::collections::{BTreeMap, BTreeSet};

use super::edited::Edited;
use super::{Candidate, Look};
use crate::finding::{Code, Finding, Findings};
use crate::source::FileId;
use crate::syntax::{self, Document, Node, TOO_MUCH};

/// What fixes did to texts.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// The fixes, by their number, that made it worse, and how.
    pub(super) blamed: BTreeMap<usize, String>,
    /// The paths that are worse for a reason that lies with none of the fixes alone.
    pub(super) unclear: BTreeMap<String, String>,
}

impl Verdict {
    pub(super) fn is_good(&self) -> bool {
        self.blamed.is_empty() && self.unclear.is_empty()
    }
}

/// Holds what is found after edits against what was found before. What comes to light at other places, since a file or an
/// organisation is read again, was there before.
pub(super) fn judge(before: &Look, after: &Look, edited: &BTreeMap<String, Edited>, fixes: &[&Candidate]) -> Verdict {
    let mut verdict = Verdict::default();
    for (path, edited) in edited {
        let Some(judged) = JudgedFile::new(before, after, path, edited) else {
            verdict.unclear.insert(path.clone(), "the file would no longer be read".to_owned());
            continue;
        };
        judged.judge(fixes, &mut verdict);
    }
    verdict
}

/// A file before and after.
struct JudgedFile<'a> {
    path: &'a str,
    edited: &'a Edited,
    before: Vec<&'a Finding>,
    after: Vec<&'a Finding>,
    was: Document,
    is: Document,
    was_text: &'a str,
}

impl<'a> JudgedFile<'a> {
    fn new(before: &'a Look, after: &'a Look, path: &'a str, edited: &'a Edited) -> Option<Self> {
        let read = |file: FileId, text: &str| syntax::parse(file, text, &mut Findings::default());
        let file = after.sources.iter().find(|(_, file)| *file.path == *path && *file.text == *edited.text)?.0;
        let was_text = &*before.sources.file(edited.file).text;
        let of = |look: &'a Look, file: FileId| look.findings.iter().filter(|finding| finding.file() == file).collect();
        Some(Self {
            path,
            edited,
            before: of(before, edited.file),
            after: of(after, file),
            was: read(edited.file, was_text),
            is: read(file, &edited.text),
            was_text,
        })
    }

    fn judge(&self, fixes: &[&Candidate], verdict: &mut Verdict) {
        let touched: Vec<BTreeSet<usize>> = fixes.iter().enumerate().map(|(at, fix)| self.touched(at, fix)).collect();
        let mut known: BTreeMap<(Code, usize), usize> = BTreeMap::new();
        for finding in &self.before {
            let place = self.edited.place(finding.primary.span.start as usize);
            *known.entry((finding.code, self.node(place))).or_default() += 1;
        }
        // Behind a limit on what is told more comes up, whoever mends what was told.
        let is_cut = self.before.iter().any(|finding| finding.code == TOO_MUCH);
        for finding in &self.after {
            let node = self.node(finding.primary.span.start as usize);
            if let Some(count) = known.get_mut(&(finding.code, node)).filter(|count| **count > 0) {
                *count -= 1;
                continue;
            }
            let why = format!("then stands there {}: {}", finding.code.as_str(), finding.title);
            let mut blamed = (0..fixes.len()).filter(|at| touched[*at].contains(&node)).peekable();
            if blamed.peek().is_some() {
                blamed.for_each(|at| {
                    verdict.blamed.entry(at).or_insert_with(|| why.clone());
                });
            } else if finding.is_unreadable() && !is_cut {
                verdict.unclear.entry(self.path.to_owned()).or_insert(why);
            }
        }
        if let Some(why) = self.lost(fixes) {
            verdict.unclear.entry(self.path.to_owned()).or_insert(why);
        }
    }

    /// The nodes of the text after that a fix is about or that it wrote in, by where they start.
    fn touched(&self, at: usize, fix: &Candidate) -> BTreeSet<usize> {
        let mut touched = BTreeSet::new();
        if fix.finding.file() == self.edited.file {
            touched.insert(self.node(self.edited.place(fix.finding.primary.span.start as usize)));
        }
        for written in self.edited.written(at) {
            let text = &self.edited.text[written.clone()];
            // A brace, a blank or a `;` says nothing of the node beside it.
            if text.contains(|letter: char| !letter.is_whitespace() && !matches!(letter, '{' | '}' | ';')) {
                each_node(&self.is.nodes, &mut |node| {
                    let head = node.head.range();
                    if head.start < written.end && written.start < head.end {
                        touched.insert(head.start);
                    }
                });
            }
        }
        touched
    }

    /// Where the innermost node around a place of the text after starts; outside of all, the place itself.
    fn node(&self, place: usize) -> usize {
        let (mut nodes, mut innermost) = (&self.is.nodes, place);
        while let Some(node) =
            nodes.iter().find(|node| (node.span.range().start..=node.span.range().end).contains(&place))
        {
            innermost = node.span.range().start;
            nodes = &node.children;
        }
        innermost
    }

    /// What stood in the text before and stands no longer. A fix may rename or take away the node that its finding is about.
    fn lost(&self, fixes: &[&Candidate]) -> Option<String> {
        let about = |fix: &&&Candidate| fix.finding.file() == self.edited.file && !fix.finding.is_unreadable();
        let about: BTreeSet<u32> = fixes.iter().filter(about).map(|fix| fix.finding.primary.span.start).collect();
        let is_meant = |node: &Node| about.range(node.head.start..node.head.end).next().is_some();
        let lost = missing(names(&self.was, is_meant), names(&self.is, |_| false));
        let lost = lost.map(|name| format!("then a node `{name}` is lost"));
        lost.or_else(|| {
            let lost = missing(syntax::comments(self.was_text), syntax::comments(&self.edited.text))?;
            Some(format!("then a comment is lost: {lost}"))
        })
    }
}

fn each_node(nodes: &[Node], visit: &mut impl FnMut(&Node)) {
    for node in nodes {
        visit(node);
        each_node(&node.children, visit);
    }
}

/// The names of all nodes but some.
fn names(document: &Document, but: impl Fn(&Node) -> bool) -> Vec<String> {
    let mut names = Vec::new();
    each_node(&document.nodes, &mut |node| {
        if !but(node) {
            names.push(node.name.value.clone());
        }
    });
    names
}

/// The first of `before` that is not in `after` as often.
fn missing(before: Vec<String>, after: Vec<String>) -> Option<String> {
    let mut left: BTreeMap<String, usize> = BTreeMap::new();
    after.into_iter().for_each(|text| *left.entry(text).or_default() += 1);
    before.into_iter().find(|text| match left.get_mut(text) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    })
}
