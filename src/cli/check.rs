//! `parcelle check`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::workspace::{ComparedPast, check_against, compared, find};
use super::{CommandFailure, Common, Exit, Output, offline, place};
use crate::check::{Checked, Memo};
use crate::finding::Severity;
use crate::git::{Snapshot, Workspace};
use crate::report::{self, Drawing, Format};

/// What `check` takes.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The garden's folder
    path: Option<PathBuf>,
    /// How to print findings: text, short, json, sarif, gitlab, github, junit [default: text, and what the CI that it
    /// runs in reads]
    ///
    /// Where nothing is asked for, GitHub Actions gets annotations and a summary of the job beside the text, GitLab CI a
    /// file `gl-code-quality-report.json` for `artifacts:reports:codequality`.
    #[arg(long, short, value_name = "FORMAT")]
    format: Option<Format>,
    /// Write a report into a file as well; may be repeated (`--report gitlab=gl-code-quality.json`)
    #[arg(long, value_name = "FORMAT=FILE")]
    report: Vec<String>,
    /// Check this commit instead of the files on disk
    #[arg(long, value_name = "REV")]
    commit: Option<String>,
    /// Compare with this commit as the applied past (`REV...`: with the one that REV and this one share last), or with `none`: what
    /// may only grow, upgrade step by step, or be retired [default: where the work began, the merge base with the default branch; on that branch itself the last commit
    /// for edits that are not committed, else the commit before]
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// Hold the garden against a snapshot too: what it says is applied is the past, and what its clusters would refuse is a
    /// finding (see `parcelle snapshot`)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["base", "watch"])]
    live: Option<PathBuf>,
    /// Check again whenever a file of the garden changes, until stopped
    #[arg(long, conflicts_with_all = ["commit", "report"])]
    watch: bool,
}

/// How often the files are looked at while watching.
const LOOK: std::time::Duration = std::time::Duration::from_millis(300);

pub(crate) fn run(common: &Common, args: &CheckArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let workspace = find(common, args.path.as_deref())?;
    if args.watch {
        return watch(&workspace, args, output);
    }
    let commit = args.commit.as_deref();
    let (checked, notes) = if let Some(file) = &args.live {
        offline::checked(&workspace, file, commit)?
    } else {
        let mut memo = Memo::default();
        let compared = compared(&workspace, &mut memo, commit, args.base.as_deref())?;
        let snapshot = workspace.snapshot(commit)?;
        let (checked, note) = checked(&workspace, &mut memo, snapshot, &compared);
        (checked, vec![note])
    };
    for wanted in &args.report {
        write_report(wanted, &checked)?;
    }
    let text = |format| report::render(format, &checked.findings, &checked.sources, output.drawing());
    let format = args.format.unwrap_or(Format::Text);
    output.report(format, &text(format))?;
    if args.format.is_none() {
        place::tell(&checked, args.report.is_empty(), output)?;
    }
    if matches!(args.format, None | Some(Format::Text | Format::Short)) {
        notes.iter().for_each(|note| output.note(note));
        output.note(&summary(&checked));
    }
    Ok(if checked.findings.has_errors() { Exit::Garden } else { Exit::Good })
}

/// Checks a snapshot against what it is compared with; says with what.
fn checked(workspace: &Workspace, memo: &mut Memo, snapshot: Snapshot, compared: &ComparedPast) -> (Checked, String) {
    let checked = check_against(workspace, memo, snapshot.clone(), compared.past.as_ref());
    match compared.before_refusals(workspace, memo, &checked) {
        None => (checked, compared.note(&snapshot)),
        Some(compared) => {
            let note = compared.note(&snapshot);
            (check_against(workspace, memo, snapshot, compared.past.as_ref()), note)
        }
    }
}

/// Checks again with each change; what did not change is known from before. Ends only when it is stopped.
fn watch(workspace: &Workspace, args: &CheckArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let format = args.format.unwrap_or(Format::Text);
    let (mut memo, mut seen) = (Memo::default(), None);
    loop {
        let snapshot = workspace.snapshot(None)?;
        if seen.as_ref() != Some(&snapshot) {
            seen = Some(snapshot.clone());
            // Anew each time: what is compared with moves with a commit, or with the first edit.
            let compared = compared(workspace, &mut memo, None, args.base.as_deref())?;
            let (checked, note) = checked(workspace, &mut memo, snapshot, &compared);
            output.report(format, &report::render(format, &checked.findings, &checked.sources, output.drawing()))?;
            output.note(&note);
            output.note(&summary(&checked));
        }
        std::thread::sleep(LOOK);
    }
}

#[expect(clippy::disallowed_methods, reason = "a port: a report that was asked for")]
fn write_report(wanted: &str, checked: &Checked) -> Result<(), CommandFailure> {
    let help = "write FORMAT=FILE, as in `--report gitlab=gl-code-quality.json`";
    let (format, path) = wanted
        .split_once('=')
        .ok_or_else(|| CommandFailure::asked(format!("`--report {wanted}` names no file"), help))?;
    let format: Format =
        format.parse().map_err(|unknown: report::UnknownFormat| CommandFailure::asked(unknown.to_string(), help))?;
    let text = report::render(format, &checked.findings, &checked.sources, Drawing::Plain);
    std::fs::write(path, text).map_err(CommandFailure::file("write", Path::new(path)))
}

/// `10 organisations, 21 apps, 350 objects: no findings`.
pub(crate) fn summary(checked: &Checked) -> String {
    let (organisations, apps) = checked.garden.as_ref().map_or((0, 0), |garden| {
        (garden.organisations.len(), garden.organisations.values().map(|organisation| organisation.apps.len()).sum())
    });
    let objects: usize = checked.objects.values().map(|packed| packed.objects).sum();
    let count = |severity| checked.findings.iter().filter(|finding| finding.severity == severity).count();
    let found = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Hint, "hint")]
        .into_iter()
        .map(|(severity, word)| (count(severity), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| plural(count, word))
        .collect::<Vec<_>>();
    let found = if found.is_empty() { "no findings".to_owned() } else { found.join(", ") };
    let stopped = checked.garden.as_ref().map_or(0, |garden| garden.broken.len());
    let stopped = match stopped {
        0 => String::new(),
        1 => "; 1 organisation is stopped until mended: what is applied of it stays".to_owned(),
        many => format!("; {many} organisations are stopped until mended: what is applied of them stays"),
    };
    format!(
        "{}, {}, {}: {found}{stopped}",
        plural(organisations, "organisation"),
        plural(apps, "app"),
        plural(objects, "object")
    )
}

/// `1 app`, `2 apps`.
pub(crate) fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
