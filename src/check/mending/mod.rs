//! Safe fixes, applied where they leave less wrong than before.
//!
//! ```text
//! look ─ findings ─▶ candidates ─ apply ─▶ texts ─ look ─▶ judge ─▶ taken, or some left out and the others tried again
//! ```
//!
//! A finding says which edit takes its mistake away; whether the file then reads as it was meant is not known before it is
//! read. So every set of fixes is tried on a copy, the copy is checked as the garden is, and what makes it worse is left
//! out and named. Where nothing more can be taken, looking again gives the same: mending twice is mending once.

mod edited;
mod judge;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::finding::{Applicability, Edit, Finding, Findings, Fix};
use crate::schema::UNKNOWN_EDITION;
use crate::source::Sources;
use crate::syntax::TOO_MUCH;
use edited::Edited;
use judge::{Verdict, judge};

/// How often a garden is checked while it is mended: each takes a fix or leaves one out, so an ordinary garden takes a few.
const MOST_LOOKS: usize = 500;

/// What is found in texts.
#[derive(Clone, Debug)]
pub struct Look {
    /// The texts.
    pub sources: Arc<Sources>,
    /// What is wrong with them.
    pub findings: Findings,
}

/// A fix of a finding.
#[derive(Clone, Debug)]
pub struct MendingFix {
    /// Where the finding was, as `path:line:column` of the text that it was found in.
    pub place: String,
    /// What the fix is for.
    pub finding: Finding,
    /// What the fix does, as an instruction.
    pub title: String,
    /// Why it was left out; none of a fix that was applied.
    pub left_out: Option<String>,
}

/// What came of applying fixes.
#[derive(Debug)]
pub struct Mended {
    /// The texts that changed, by path.
    pub texts: BTreeMap<String, String>,
    /// The fixes that were applied, in order.
    pub applied: Vec<MendingFix>,
    /// The fixes that would have made it worse.
    pub left_out: Vec<MendingFix>,
    /// The check of the garden with the fixes applied.
    pub after: Look,
}

/// Applies the safe fixes of the findings that are `wanted`, as far as each leaves less wrong.
///
/// `first` is what is found in the texts as they are, `look` says what is found where these paths have other texts, and
/// `unwritable` says why a path may not be written, if so.
pub fn mend(
    first: Look,
    wanted: impl Fn(&Finding) -> bool,
    unwritable: impl Fn(&str) -> Option<String>,
    mut look: impl FnMut(&BTreeMap<String, String>) -> Look,
) -> Mended {
    let mut mended = Mended { texts: BTreeMap::new(), applied: Vec::new(), left_out: Vec::new(), after: first };
    let (mut seen, mut looks) = (BTreeSet::from([BTreeMap::new()]), 0);
    loop {
        let candidates = candidates(&mended.after, &wanted);
        let mut trial = Trial::new(&mended.after, &candidates);
        for (at, candidate) in candidates.iter().enumerate() {
            let unwritable = candidate.paths.iter().find_map(|path| unwritable(path));
            if let Some(why) = unwritable.or_else(|| unread(&mended.after, &candidate.finding)) {
                trial.left_out.insert(at, why);
            }
        }
        let mut taken = None;
        while taken.is_none() && looks < MOST_LOOKS {
            let set = trial.choose();
            if set.is_empty() {
                break;
            }
            looks += 1;
            taken = trial.attempt(set, &mended.texts, &mut seen, &mut look);
        }
        let told = |at: usize, left_out: Option<String>| candidates[at].told(&mended.after, left_out);
        let Some(taken) = taken else {
            mended.left_out = trial.left_out.iter().map(|(at, why)| told(*at, Some(why.clone()))).collect();
            return mended;
        };
        let applied: Vec<MendingFix> = taken.set.iter().map(|at| told(*at, None)).collect();
        mended.applied.extend(applied);
        mended.texts = taken.texts;
        mended.after = taken.after;
    }
}

/// Why it is not known what a value should be: nothing in its file is read by its meaning, for what another finding says.
fn unread(look: &Look, finding: &Finding) -> Option<String> {
    let hides = |other: &&Finding| {
        other.file() == finding.file() && (other.hides_nesting() || [UNKNOWN_EDITION, TOO_MUCH].contains(&other.code))
    };
    let other = look.findings.iter().filter(|_| Finding::is_of_value(finding.code)).find(hides)?;
    let line = look.sources.start(other.primary.span).line;
    Some(format!("what is meant is known when {} of line {line} is mended", other.code.as_str()))
}

/// A safe fix of a finding, and the paths that it writes.
struct Candidate {
    finding: Finding,
    fix: Fix,
    paths: BTreeSet<String>,
}

impl Candidate {
    fn told(&self, look: &Look, left_out: Option<String>) -> MendingFix {
        let place = look.sources.locate(self.finding.primary.span);
        MendingFix { place, finding: self.finding.clone(), title: self.fix.title.clone(), left_out }
    }

    fn overlaps(&self, other: &Candidate) -> bool {
        self.fix.edits.iter().any(|edit| other.fix.edits.iter().any(|other| overlap(edit, other)))
    }
}

/// Whether two edits touch the same bytes, or one inserts where the other ends: then which is made first counts.
fn overlap(one: &Edit, other: &Edit) -> bool {
    let (a, b) = (one.span, other.span);
    let inserts = a.start == a.end || b.start == b.end;
    a.file == b.file && if inserts { a.start <= b.end && b.start <= a.end } else { a.start < b.end && b.start < a.end }
}

/// The first safe fix of each finding.
fn candidates(look: &Look, wanted: impl Fn(&Finding) -> bool) -> Vec<Candidate> {
    let safe = |finding: &Finding| {
        let fix = finding.fixes.iter().find(|fix| fix.applicability == Applicability::Safe)?;
        let paths = fix.edits.iter().map(|edit| look.sources.file(edit.span.file).path.to_string()).collect();
        (!fix.edits.is_empty()).then(|| Candidate { finding: finding.clone(), fix: fix.clone(), paths })
    };
    look.findings.iter().filter(|finding| wanted(finding)).filter_map(safe).collect()
}

/// A set of fixes that left less wrong, and what is found now.
struct Taken {
    set: Vec<usize>,
    texts: BTreeMap<String, String>,
    after: Look,
}

/// What is tried of the candidates of one look.
struct Trial<'a> {
    before: &'a Look,
    candidates: &'a [Candidate],
    left_out: BTreeMap<usize, String>,
    /// Those that wait until it is known which of a set makes it worse.
    waiting: BTreeSet<usize>,
}

impl<'a> Trial<'a> {
    fn new(before: &'a Look, candidates: &'a [Candidate]) -> Self {
        Self { before, candidates, left_out: BTreeMap::new(), waiting: BTreeSet::new() }
    }

    /// Candidates that can be applied together.
    fn choose(&mut self) -> Vec<usize> {
        let mut set: Vec<usize> = Vec::new();
        for at in 0..self.candidates.len() {
            let free = |other: &usize| !self.candidates[at].overlaps(&self.candidates[*other]);
            if !self.left_out.contains_key(&at) && !self.waiting.contains(&at) && set.iter().all(free) {
                set.push(at);
            }
        }
        if set.is_empty() && !self.waiting.is_empty() {
            self.waiting.clear();
            return self.choose();
        }
        set
    }

    /// Applies a set to copies of the texts and judges what comes of it.
    fn attempt(
        &mut self,
        set: Vec<usize>,
        texts: &BTreeMap<String, String>,
        seen: &mut BTreeSet<BTreeMap<String, String>>,
        look: &mut impl FnMut(&BTreeMap<String, String>) -> Look,
    ) -> Option<Taken> {
        let fixes: Vec<&Candidate> = set.iter().map(|at| &self.candidates[*at]).collect();
        let edits = fixes.iter().enumerate().flat_map(|(at, fix)| fix.fix.edits.iter().map(move |edit| (at, edit)));
        let edited = Edited::all(&self.before.sources, edits);
        let mut texts = texts.clone();
        texts.extend(edited.iter().map(|(path, edited)| (path.clone(), edited.text.clone())));
        if seen.contains(&texts) {
            set.iter().for_each(|at| drop(self.left_out.insert(*at, "another fix takes it back".to_owned())));
            return None;
        }
        let after = look(&texts);
        let verdict = judge(self.before, &after, &edited, &fixes);
        if verdict.is_good() {
            seen.insert(texts.clone());
            return Some(Taken { set, texts, after });
        }
        self.leave_out(&set, verdict);
        None
    }

    /// Leaves out what is to blame; where that is not known, tries half of the fixes of that file first.
    fn leave_out(&mut self, set: &[usize], verdict: Verdict) {
        for (at, why) in &verdict.blamed {
            self.left_out.insert(set[*at], why.clone());
        }
        for (path, why) in verdict.unclear {
            let of_path = set.iter().filter(|at| self.candidates[**at].paths.contains(&path));
            let of_path: Vec<usize> = of_path.copied().collect();
            if of_path.iter().any(|at| self.left_out.contains_key(at)) {
                continue;
            }
            match of_path[..] {
                [only] => drop(self.left_out.insert(only, why)),
                _ => self.waiting.extend(&of_path[of_path.len().div_ceil(2)..]),
            }
        }
    }
}

#[cfg(test)]
mod tests;
