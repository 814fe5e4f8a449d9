//! An app inside an organisation.

use super::super::edit::{Edits, GardenAtHand};
use super::super::{CommandFailure, Exit, Output};
use super::{is_missing, of_organisation, unknown};
use crate::git::Workspace;
use crate::name::Name;

pub(super) fn app(
    workspace: &Workspace,
    name: &str,
    definition: &str,
    output: &Output,
) -> Result<Exit, CommandFailure> {
    let (organisation, app) = of_organisation(name, "NAME")?;
    let garden = GardenAtHand::of(workspace)?;
    let found = garden.organisation(&organisation)?;
    if found.apps.contains_key(&app) {
        return Err(CommandFailure::asked(
            format!("`{organisation}` already has an app `{app}`"),
            "choose another name",
        ));
    }
    let known = garden.checked.garden.iter().flat_map(|garden| garden.definitions.iter());
    let known: Vec<_> = known.filter(|(name, _)| name.as_str() == definition).map(|(_, found)| found).collect();
    let Some(known) = known.first() else {
        let names = garden.checked.garden.iter().flat_map(|garden| garden.definitions.keys()).map(Name::as_str);
        return Err(unknown("definition", definition, names));
    };
    // What must be said, as its example says it.
    let required = known.settings.values().filter(|setting| setting.required && !setting.common);
    let lines: Vec<&str> = required.filter_map(|setting| setting.example.as_deref()).collect();
    let block: String = lines.iter().map(|line| format!("    {line}\n")).collect();
    let block = if block.is_empty() { block } else { format!(" {{\n{block}}}") };
    let line = format!("app {definition} {app}{block}");
    let mut edits = Edits::default();
    let node = garden.node(found)?;
    edits.lines_into(&node, &[line], &garden.checked.sources);
    let way = "choose another definition, or mend what they name first";
    garden.write(&edits, &garden.with(&edits), output, way, is_missing)?;
    output.note(&format!("added `app {definition} {app}`"));
    if garden.is_committed() {
        output.note(&format!("next: parcelle plan --base HEAD {organisation}, which asks no cluster; then commit it"));
    } else {
        output.note("next: parcelle check, then commit the garden: git init && git add --all && git commit --message \"The garden\"");
        output.note("then: parcelle run --once --sandbox, which brings all of it about without a cluster");
        output.note(
            "then: parcelle doctor, which says what the cluster lacks, and parcelle run --once, which applies it there",
        );
    }
    Ok(Exit::Good)
}
