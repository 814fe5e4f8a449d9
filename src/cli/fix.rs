//! `parcelle fix`: applies what changes nothing but the mistake.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use clap::Args;

use super::check::plural;
use super::workspace::{check_against, find};
use super::{CommandFailure, Common, Exit, Output, edit};
use crate::check::Memo;
use crate::check::mending::{Look, Mended, MendingFix, mend};
use crate::finding::{Applicability, Code, Finding, Severity};
use crate::git::{RawFile, Snapshot, Workspace};

/// What `fix` takes.
#[derive(Debug, Args)]
pub(crate) struct FixArgs {
    /// Fix findings of this code only (E0012)
    code: Option<String>,
    /// Change nothing; say what would be done, and end with 1 if there is anything
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(common: &Common, args: &FixArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let code = args.code.as_ref().map(|code| known(&code.to_uppercase())).transpose()?;
    let workspace = find(common, None)?;
    let snapshot = workspace.snapshot(None)?;
    let mended = mended(&workspace, &snapshot, |finding| code.is_none_or(|code| finding.code == code));
    if !args.check {
        write(&workspace.root, &snapshot, &mended)?;
    }
    let all = mended.applied.iter().chain(&mended.left_out);
    output.result(&all.map(told).collect::<String>())?;
    let verb = if args.check { "would be applied" } else { "applied" };
    let left_out = match mended.left_out.len() {
        0 => String::new(),
        many => format!("; {many} left out, which would leave the file no better"),
    };
    output.note(&format!("{} {verb}{left_out}", fixes(mended.applied.len())));
    if args.check {
        return Ok(if mended.applied.is_empty() { Exit::Good } else { Exit::Garden });
    }
    if mended.after.findings.has_errors() {
        output.error(&left(&mended.after));
        return Ok(Exit::Garden);
    }
    output.note(&left(&mended.after));
    Ok(Exit::Good)
}

fn known(code: &str) -> Result<Code, CommandFailure> {
    let unknown = || CommandFailure::asked(format!("there is no finding `{code}`"), "codes look like E0012");
    Code::written(code).ok_or_else(unknown)
}

fn fixes(count: usize) -> String {
    if count == 1 { "1 fix".to_owned() } else { format!("{count} fixes") }
}

/// Mends a copy of the garden as it lies on disk.
fn mended(workspace: &Workspace, snapshot: &Snapshot, wanted: impl Fn(&Finding) -> bool) -> Mended {
    let mut memo = Memo::default();
    let mut look = |texts: &BTreeMap<String, String>| {
        let mut snapshot = snapshot.clone();
        for file in &mut snapshot.files {
            if let Some(text) = texts.get(&file.path) {
                // The text stands for Git's id of it: equal texts are read once.
                *file = RawFile { path: file.path.clone(), blob: text.clone(), bytes: text.as_bytes().into() };
            }
        }
        let checked = check_against(workspace, &mut memo, snapshot, None);
        Look { sources: checked.sources, findings: checked.findings }
    };
    let first = look(&BTreeMap::new());
    let unwritable = |path: &str| match snapshot.files.iter().find(|file| file.path == path) {
        None => Some("it lies outside of the garden".to_owned()),
        Some(file) if std::str::from_utf8(&file.bytes).is_err() => {
            Some("the file is not UTF-8: what cannot be read of it would be lost".to_owned())
        }
        Some(_) => None,
    };
    mend(first, wanted, unwritable, look)
}

/// Writes what changed, each file whole or not at all. A file that somebody else has changed meanwhile stays theirs.
#[expect(clippy::disallowed_methods, reason = "a port: the files that were asked to be fixed")]
fn write(root: &Path, snapshot: &Snapshot, mended: &Mended) -> Result<(), CommandFailure> {
    for (path, text) in &mended.texts {
        let read = snapshot.files.iter().find(|file| file.path == *path).map(|file| &file.bytes);
        let path = root.join(path);
        let now = std::fs::read(&path).map_err(CommandFailure::file("read", &path))?;
        if read.is_none_or(|read| **read != *now) {
            let title = format!("`{}` has changed while it was fixed", path.display());
            return Err(CommandFailure::asked(title, "nothing of it was written: run `parcelle fix` again"));
        }
        edit::write(&path, text)?;
    }
    Ok(())
}

/// A line for a fix: where, what, and why; and why it was left out.
fn told(fix: &MendingFix) -> String {
    let MendingFix { place, finding, title, left_out } = fix;
    let (code, what) = (finding.code.as_str(), &finding.title);
    match left_out {
        None => format!("{place}: {title} ({code}: {what})\n"),
        Some(why) => format!("{place}: left out: {title} ({code}: {what}): {why}\n"),
    }
}

/// What a person must do: each finding that is left, with the guess where there is one.
fn left(after: &Look) -> String {
    let left: Vec<&Finding> = after.findings.iter().filter(|finding| finding.severity != Severity::Hint).collect();
    if left.is_empty() {
        return "nothing is left to do".to_owned();
    }
    let mut text = format!("{} left, for you to decide:", plural(left.len(), "finding"));
    for finding in left {
        let place = after.sources.locate(finding.primary.span);
        let _ = write!(text, "\n  {place}: {}: {}", finding.code.as_str(), finding.title);
        let guess = finding.fixes.iter().find(|fix| fix.applicability == Applicability::Guess);
        if let Some(guess) = guess {
            let _ = write!(text, "; perhaps {}", guess.title);
        } else if let Some(help) = finding.help.first() {
            let _ = write!(text, "\n    help  {help}");
        }
    }
    text
}
