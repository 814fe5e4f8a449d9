//! `parcelle fmt`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::check::plural;
use super::workspace::find;
use super::{CommandFailure, Common, Exit, Output, edit};
use crate::finding::Findings;
use crate::source::{SourceFile, Sources};
use crate::{git, report, syntax};

/// What `fmt` takes.
#[derive(Debug, Args)]
pub(crate) struct FmtArgs {
    /// Files or folders [default: the garden]
    paths: Vec<PathBuf>,
    /// Change nothing; name the files that would change, and end with 1 if there are any
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(common: &Common, args: &FmtArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let (root, files) = files(common, args)?;
    let (mut changed, mut sources, mut findings) = (0, Sources::default(), Findings::default());
    for raw in &files {
        let id = sources.next_id();
        let (text, unreadable) = syntax::decode(id, &raw.bytes);
        sources.add(SourceFile::new(&raw.path, &text));
        if !unreadable.is_empty() {
            findings.extend(unreadable);
            continue;
        }
        match syntax::format(&text) {
            Ok(formatted) if formatted != text => {
                changed += 1;
                output.result(&format!("{}\n", raw.path))?;
                if !args.check {
                    edit::write(&root.join(&raw.path), &formatted)?;
                }
            }
            Ok(_) => {}
            // Read once more, so that what is wrong is told in this file.
            Err(_) => drop(syntax::parse(id, &text, &mut findings)),
        }
    }
    if !findings.is_empty() {
        let text = report::render(report::Format::Text, &findings, &sources, output.drawing_of_notes());
        output.findings(&text, findings.has_errors());
    }
    let verb = if args.check { "would change" } else { "formatted" };
    output.note(&format!("{} of {} {verb}", changed, plural(files.len(), "file")));
    let wanting = (args.check && changed > 0) || findings.has_errors();
    Ok(if wanting { Exit::Garden } else { Exit::Good })
}

fn files(common: &Common, args: &FmtArgs) -> Result<(PathBuf, Vec<git::RawFile>), CommandFailure> {
    if args.paths.is_empty() {
        let workspace = find(common, None)?;
        return Ok((workspace.root.clone(), workspace.snapshot(None)?.files));
    }
    let mut files = Vec::new();
    for path in &args.paths {
        files.extend(git::read_files(Path::new(""), path)?);
    }
    Ok((PathBuf::new(), files))
}
