//! `parcelle fix`: applies what changes nothing but the mistake.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use clap::Args;

use super::check::plural;
use super::workspace::{check_once, find};
use super::{CommandFailure, Common, Exit, Output};
use crate::check::Checked;
use crate::finding::mend::{Mended, mend};
use crate::finding::{Applicability, Code, Finding, Severity};

/// How often it looks again at what it has mended: one fix can bring the next to light.
const MOST_ROUNDS: usize = 10;

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
    let wanted = |finding: &Finding| code.is_none_or(|code| finding.code == code);
    let (mut done, mut seen) = (0, BTreeMap::new());
    let mut checked = check_once(&workspace, None)?;
    for _ in 0..MOST_ROUNDS {
        let mended = mend(&checked.findings, &checked.sources, wanted);
        done += mended.applied.len();
        output.result(&told(&mended, &checked))?;
        if args.check || mended.texts.is_empty() || !write(&workspace.root, &mended, &checked, &mut seen)? {
            break;
        }
        checked = check_once(&workspace, None)?;
    }
    let verb = if args.check { "would be applied" } else { "applied" };
    output.note(&format!("{} {verb}", plural(done, "fix").replace("fixs", "fixes")));
    if args.check {
        return Ok(if done > 0 { Exit::Garden } else { Exit::Good });
    }
    if checked.findings.has_errors() {
        output.error(&left(&checked));
        return Ok(Exit::Garden);
    }
    output.note(&left(&checked));
    Ok(Exit::Good)
}

fn known(code: &str) -> Result<Code, CommandFailure> {
    let unknown = || CommandFailure::asked(format!("there is no finding `{code}`"), "codes look like E0012");
    Code::written(code).ok_or_else(unknown)
}

/// A line for each fix: where, what, and why.
fn told(mended: &Mended, checked: &Checked) -> String {
    let mut text = String::new();
    for (finding, title) in &mended.applied {
        let place = checked.sources.locate(finding.primary.span);
        let _ = writeln!(text, "{place}: {title} ({}: {})", finding.code.as_str(), finding.title);
    }
    text
}

/// Writes what changed; false where a file would come back to a text that it had: then fixes undo each other.
#[expect(clippy::disallowed_methods, reason = "a port: the files that were asked to be fixed")]
fn write(
    root: &Path,
    mended: &Mended,
    checked: &Checked,
    seen: &mut BTreeMap<String, Vec<String>>,
) -> Result<bool, CommandFailure> {
    for (file, text) in &mended.texts {
        let source = checked.sources.file(*file);
        let earlier = seen.entry(source.path.to_string()).or_insert_with(|| vec![source.text.to_string()]);
        if earlier.contains(text) {
            return Ok(false);
        }
        earlier.push(text.clone());
        let path = root.join(&*source.path);
        std::fs::write(&path, text).map_err(CommandFailure::file("write", &path))?;
    }
    Ok(true)
}

/// What a person must do: each finding that is left, with the guess where there is one.
fn left(checked: &Checked) -> String {
    let left: Vec<&Finding> = checked.findings.iter().filter(|finding| finding.severity != Severity::Hint).collect();
    if left.is_empty() {
        return "nothing is left to do".to_owned();
    }
    let mut text = format!("{} left, for you to decide:", plural(left.len(), "finding"));
    for finding in left {
        let place = checked.sources.locate(finding.primary.span);
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
