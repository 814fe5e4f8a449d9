//! `parcelle pin`: the garden accepts what this parcelle renders.

use super::edit::{with_line, write};
use super::workspace::{check_once, find};
use super::{CommandFailure, Common, Exit, Output};

pub(crate) fn run(common: &Common, output: &Output) -> Result<Exit, CommandFailure> {
    let workspace = find(common, None)?;
    let checked = check_once(&workspace, None)?;
    let Some(garden) = &checked.garden else {
        super::workspace::show_findings(&checked, output);
        return Ok(Exit::Garden);
    };
    let hash = &checked.renderer_hash;
    if garden.pin.as_ref().is_some_and(|pin| pin.value == *hash) {
        output.note("the garden accepts this parcelle already");
        return Ok(Exit::Good);
    }
    let file = checked.sources.file(garden.span.file);
    let line = format!("pin \"{hash}\"");
    let text = match &garden.pin {
        Some(pin) => {
            let (start, end) = (pin.span.start as usize, pin.span.end as usize);
            Some(format!("{}\"{hash}\"{}", &file.text[..start], &file.text[end..]))
        }
        None => with_line(&file.text, garden.span.start as usize, &line),
    };
    let text = text.ok_or_else(|| {
        CommandFailure::asked(
            format!("the node `garden {}` has no block", garden.name),
            format!("write `{line}` into it"),
        )
    })?;
    write(&workspace.root.join(&*file.path), &text)?;
    output.result(&format!("{}\n", file.path))?;
    output.note(&format!(
        "pinned {hash}: a parcelle that renders otherwise changes nothing until it is pinned in turn; next: commit it"
    ));
    Ok(Exit::Good)
}
