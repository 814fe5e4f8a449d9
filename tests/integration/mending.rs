//! What holds wherever `fix` writes: nothing is worse than before, no comment goes, and a second time changes nothing.
//!
//! Held over every case of `tests/cases/findings` here, and over mutations of `orgs/` in `mutation/`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use parcelle::check::mending::{Look, Mended, MendingFix, mend};
use parcelle::finding::{Applicability, Finding};

use crate::findings;

/// Mends texts and holds the promises of `fix` against what came of it; what is broken of them, in words.
pub(crate) fn mended(
    texts: &BTreeMap<String, String>,
    mut look: impl FnMut(&BTreeMap<String, String>) -> Look,
) -> (Mended, Option<String>) {
    let mut over = |changed: &BTreeMap<String, String>| {
        let mut texts = texts.clone();
        texts.extend(changed.iter().map(|(path, text)| (path.clone(), text.clone())));
        look(&texts)
    };
    let writable = |path: &str| (!texts.contains_key(path)).then(|| "not of this garden".to_owned());
    let first = over(&BTreeMap::new());
    let mended = mend(first.clone(), |_| true, writable, &mut over);
    let again = mend(
        mended.after.clone(),
        |_| true,
        writable,
        |changed| {
            let mut texts = mended.texts.clone();
            texts.extend(changed.iter().map(|(path, text)| (path.clone(), text.clone())));
            over(&texts)
        },
    );
    let broken = broken(texts, &first, &mended, &again);
    (mended, broken)
}

/// The first promise that does not hold.
fn broken(texts: &BTreeMap<String, String>, first: &Look, mended: &Mended, again: &Mended) -> Option<String> {
    let before = counted(first);
    let of_form = |look: &Look| look.findings.iter().filter(|finding| is_of_form(finding)).count();
    let is_cut = before.keys().any(|(_, code)| *code == "E0030");
    if let Some(new) =
        new(texts, first, mended).filter(|_| mended.after.findings.len() >= first.findings.len() && !is_cut)
    {
        return Some(new);
    }
    if of_form(&mended.after) > of_form(first) && !is_cut {
        return Some("it reads worse than before".to_owned());
    }
    if !again.texts.is_empty() {
        return Some(format!("a second time changes more: {:?}", again.applied));
    }
    for (path, text) in &mended.texts {
        let words = |text: &str| text.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>();
        let all = words(text);
        if let Some(lost) = comments(&texts[path]).into_iter().find(|comment| !all.contains(&words(comment))) {
            return Some(format!("the comment `{lost}` of {path} is gone"));
        }
        let written =
            |from: &str| (from.contains("\r\n"), from.replace("\r\n", "").contains('\n'), from.starts_with('\u{FEFF}'));
        if written(text) != written(&texts[path]) && texts[path].contains('\n') {
            return Some(format!("{path} has other line ends"));
        }
    }
    None
}

/// Whether a fix was left out for what it leads to at its own place: then it is none.
pub(crate) fn leads_on(fix: &MendingFix) -> bool {
    fix.left_out.as_ref().is_some_and(|why| why.starts_with("then "))
}

fn is_of_form(finding: &Finding) -> bool {
    finding.code.as_str().starts_with("E00")
}

/// A finding of a code of which its file had fewer before, and which did not come to light elsewhere: it is about the form of
/// the file, or stands on a line that a fix has changed.
fn new(texts: &BTreeMap<String, String>, first: &Look, mended: &Mended) -> Option<String> {
    let (before, after) = (counted(first), counted(&mended.after));
    let more = |finding: &&Finding| {
        let key = (mended.after.sources.file(finding.file()).path.to_string(), finding.code.as_str());
        before.get(&key).copied().unwrap_or_default() < after[&key]
    };
    let found = mended.after.findings.iter().filter(more).find(|finding| {
        let path = &*mended.after.sources.file(finding.file()).path;
        let text = &*mended.after.sources.file(finding.file()).text;
        let start = text[..finding.primary.span.start as usize].rfind('\n').map_or(0, |at| at + 1);
        let line = text[start..].lines().next().unwrap_or_default();
        let stood = texts.get(path).is_none_or(|text| text.lines().any(|kept| kept == line));
        is_of_form(finding) || !stood
    })?;
    Some(format!("{} is new at {}", found.code.as_str(), mended.after.sources.locate(found.primary.span)))
}

fn counted(look: &Look) -> BTreeMap<(String, &str), usize> {
    let mut counts = BTreeMap::new();
    for finding in &look.findings {
        let path = look.sources.file(finding.file()).path.to_string();
        *counts.entry((path, finding.code.as_str())).or_default() += 1;
    }
    counts
}

/// The comments that begin a line or follow a blank outside of quotes.
fn comments(text: &str) -> Vec<&str> {
    let of_line = |line| {
        let (line, begins): (&str, _) = (line, |at: &usize| {
            let before = &str::get(line, ..*at).unwrap_or_default();
            !before.contains(['"', '\'', '`']) && (before.is_empty() || before.ends_with([' ', '\t']))
        });
        let start = line.match_indices("//").map(|(at, _)| at).find(begins)?;
        Some(&line[start..])
    };
    text.lines().filter_map(of_line).collect()
}

/// What was found, mended and left out, for people.
pub(crate) fn story(first: &[&Finding], mended: &Mended) -> String {
    let mut out = String::new();
    for finding in first {
        let _ = writeln!(out, "    was {}: {}", finding.code.as_str(), finding.title);
    }
    for fix in mended.applied.iter().chain(&mended.left_out) {
        let why = fix.left_out.as_deref().unwrap_or("applied");
        let _ = writeln!(out, "    {}: {} ({}): {why}", fix.place, fix.title, fix.finding.code.as_str());
    }
    for finding in &mended.after.findings {
        let place = mended.after.sources.locate(finding.primary.span);
        let _ = writeln!(out, "    now {place}: {}: {}", finding.code.as_str(), finding.title);
    }
    out
}

#[test]
fn fix_makes_no_case_worse() {
    let mut wrong = String::new();
    for path in findings::cases() {
        let case = findings::read_case(&std::fs::read_to_string(&path).expect("a case is UTF-8"));
        let texts: BTreeMap<String, String> = case.files.iter().cloned().collect();
        let look = |texts: &BTreeMap<String, String>| {
            let files: Vec<(String, String)> = texts.clone().into_iter().collect();
            let (sources, findings) = findings::found(&case, &files);
            Look { sources, findings }
        };
        let first = look(&texts);
        let (mended, broken) = mended(&texts, look);
        let safe = |finding: &&Finding| finding.fixes.iter().any(|fix| fix.applicability == Applicability::Safe);
        let is_cut = first.findings.iter().any(|finding| finding.code.as_str() == "E0030");
        let left_out = (mended.left_out.iter().any(leads_on) && !is_cut).then(|| "a safe fix is left out".to_owned());
        if let Some(broken) = broken.or(left_out) {
            let first: Vec<&Finding> = first.findings.iter().filter(safe).collect();
            let _ = write!(wrong, "{}: {broken}\n{}", path.display(), story(&first, &mended));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
