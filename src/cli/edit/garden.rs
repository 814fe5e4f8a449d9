//! The garden at hand with edits: checked before they are written.

use std::collections::BTreeMap;
use std::path::Path;

use super::Edits;
use crate::check::{Checked, Memo};
use crate::cli::new::unknown;
use crate::cli::place;
use crate::cli::workspace::{check_against, compared};
use crate::cli::{CommandFailure, Output};
use crate::finding::{Finding, Findings, Severity};
use crate::git::{Snapshot, Workspace};
use crate::model::{Organisation, Past};
use crate::name::Name;
use crate::report::{self, Format};
use crate::syntax::{self, Node};

/// A garden as it lies on disk, and as it was before.
pub(crate) struct GardenAtHand<'w> {
    workspace: &'w Workspace,
    pub(crate) snapshot: Snapshot,
    pub(crate) past: Option<Past>,
    pub(crate) checked: Checked,
}

impl<'w> GardenAtHand<'w> {
    pub(crate) fn of(workspace: &'w Workspace) -> Result<Self, CommandFailure> {
        if !workspace.is_on_disk() {
            let help = "edit it in a clone that has its files checked out";
            return Err(CommandFailure::asked("the files of this garden lie in commits alone", help));
        }
        let mut memo = Memo::default();
        // Where nothing can be compared with, the files alone count.
        let began = began(workspace).unwrap_or_else(|| "none".to_owned());
        let past = compared(workspace, &mut memo, None, Some(&began)).ok().and_then(|compared| compared.past);
        let snapshot = workspace.snapshot(None)?;
        let checked = check_against(workspace, &mut memo, snapshot.clone(), past.as_ref());
        Ok(Self { workspace, snapshot, past, checked })
    }

    /// Whether there is a commit of the garden.
    pub(crate) fn is_committed(&self) -> bool {
        self.workspace.earlier("HEAD").is_ok_and(|earlier| earlier.is_some())
    }

    /// An organisation of the garden without a finding.
    pub(crate) fn organisation(&self, name: &Name) -> Result<&Organisation, CommandFailure> {
        let garden = self.checked.garden.as_ref();
        if let Some(found) = garden.and_then(|garden| garden.organisations.get(name)) {
            return Ok(found);
        }
        if garden.is_some_and(|garden| garden.stopped.contains_key(name) || garden.broken.contains(name)) {
            return Err(CommandFailure::asked(
                format!("`{name}` has findings, so nothing of it is edited"),
                "mend them first: `parcelle check` shows them",
            ));
        }
        let names = garden.iter().flat_map(|garden| garden.organisations.keys()).map(Name::as_str);
        Err(unknown("organisation", name.as_str(), names))
    }

    /// The node of an organisation, as its file says it.
    pub(crate) fn node(&self, organisation: &Organisation) -> Result<Node, CommandFailure> {
        let text = &self.checked.sources.file(organisation.file).text;
        let document = syntax::parse(organisation.file, text, &mut Findings::default());
        document.nodes.into_iter().find(|node| node.span.start == organisation.span.start).ok_or_else(|| {
            CommandFailure::asked(format!("the node of `{}` was not found", organisation.name), "write it by hand")
        })
    }

    /// The garden with the edits.
    pub(crate) fn with(&self, edits: &Edits) -> Checked {
        let snapshot = edits.applied_to(&self.snapshot, &self.checked.sources);
        check_against(self.workspace, &mut Memo::default(), snapshot, self.past.as_ref())
    }

    /// Writes the edits, unless they bring errors that `waits` does not let through; those are shown, and `way` leads out.
    pub(crate) fn write(
        &self,
        edits: &Edits,
        after: &Checked,
        output: &Output,
        way: &str,
        waits: impl Fn(&Finding) -> bool,
    ) -> Result<(), CommandFailure> {
        let brought = brought(&self.checked, after);
        let refused = brought.iter().any(|finding| !waits(finding));
        if !refused {
            for path in edits.write(&self.workspace.root, &self.checked.sources)? {
                output.result(&format!("{}\n", as_named(&path)))?;
            }
        }
        if !brought.is_empty() {
            let text = report::render(Format::Text, &brought, &after.sources, output.drawing_of_notes());
            output.block(text.trim_end());
        }
        if refused {
            let title = "with it the garden would have these findings, so nothing was written";
            return Err(CommandFailure::asked(title, way));
        }
        Ok(())
    }
}

/// The commit that may be applied already: where the work began, which on the main branch is the last one.
fn began(workspace: &Workspace) -> Option<String> {
    let repository = workspace.repository_around().ok()??;
    Some(repository.began_from("HEAD", &place::target()).ok()??.commit.0)
}

/// A path as the author would name it, from the current folder.
#[expect(clippy::disallowed_methods, reason = "a port: the current folder")]
pub(crate) fn as_named(path: &Path) -> String {
    let current = std::env::current_dir().and_then(std::fs::canonicalize).unwrap_or_default();
    let path = path.strip_prefix(".").unwrap_or(path);
    path.strip_prefix(current).unwrap_or(path).display().to_string()
}

/// The errors of `after` that were not there before, wherever they stand by now.
fn brought(before: &Checked, after: &Checked) -> Findings {
    let key = |finding: &Finding| (finding.code, finding.title.clone());
    let mut known: BTreeMap<_, usize> = BTreeMap::new();
    before.findings.iter().for_each(|finding| *known.entry(key(finding)).or_default() += 1);
    let mut new = Findings::default();
    for finding in after.findings.iter().filter(|finding| finding.severity == Severity::Error) {
        match known.get_mut(&key(finding)) {
            Some(left) if *left > 0 => *left -= 1,
            _ => new.push(finding.clone()),
        }
    }
    new
}
