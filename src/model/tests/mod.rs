//! Gardens of a few files, tried whole.

use super::*;
use crate::finding::{Finding, Findings};
use crate::name::Name;
use crate::schema;
use crate::source::{SourceFile, Sources};
use crate::syntax;

mod claims;
mod garden;
mod layers;
mod names;
mod no_effect;
mod pages;
mod rules;

/// The files of `tests/cases/baseline`: every rule's test changes one place of them.
pub(super) const BASELINE: &[(&str, &str)] = &[
    ("garden.kdl", include_str!("../../../tests/cases/baseline/garden.kdl")),
    ("clusters/ada-lovelace.kdl", include_str!("../../../tests/cases/baseline/clusters/ada-lovelace.kdl")),
    ("offers/liiibre.kdl", include_str!("../../../tests/cases/baseline/offers/liiibre.kdl")),
    ("offers/sur-mesure.kdl", include_str!("../../../tests/cases/baseline/offers/sur-mesure.kdl")),
    ("organisations/alternatiba.kdl", include_str!("../../../tests/cases/baseline/organisations/alternatiba.kdl")),
    ("organisations/art-bati.kdl", include_str!("../../../tests/cases/baseline/organisations/art-bati.kdl")),
    ("organisations/tiers-lieux.kdl", include_str!("../../../tests/cases/baseline/organisations/tiers-lieux.kdl")),
    ("definitions/forum.kdl", include_str!("../../../tests/cases/baseline/definitions/forum.kdl")),
    ("definitions/hedgedoc.kdl", include_str!("../../../tests/cases/baseline/definitions/hedgedoc.kdl")),
    ("definitions/nextcloud.kdl", include_str!("../../../tests/cases/baseline/definitions/nextcloud.kdl")),
    ("definitions/static-site.kdl", include_str!("../../../tests/cases/baseline/definitions/static-site.kdl")),
];

static BUILT_IN: std::sync::OnceLock<Definitions> = std::sync::OnceLock::new();

/// What came of a garden.
pub(super) struct Tried {
    pub(crate) sources: Sources,
    pub(crate) garden: Option<Garden>,
    pub(crate) findings: Vec<Finding>,
}

impl Tried {
    /// The garden; there is one.
    pub(super) fn garden(&self) -> &Garden {
        self.garden.as_ref().expect("the garden could be built")
    }

    /// An app of the garden.
    pub(super) fn app(&self, organisation: &str, app: &str) -> &App {
        &self.garden().organisations[organisation].apps[app]
    }

    /// Every finding in short: `path:line:column code title`, then its further lines.
    pub(super) fn short(&self) -> String {
        let mut lines = Vec::new();
        for finding in &self.findings {
            lines.push(format!(
                "{} {} {}",
                self.sources.locate(finding.primary.span),
                finding.code.as_str(),
                finding.title
            ));
            let also = finding
                .secondary
                .iter()
                .map(|label| format!("  also {} {}", self.sources.locate(label.span), label.text));
            lines.extend(also);
            lines.extend(finding.why.iter().map(|why| format!("  why {why}")));
            lines.extend(finding.help.iter().map(|help| format!("  help {help}")));
            for edit in finding.fixes.iter().flat_map(|fix| &fix.edits) {
                lines.push(format!("  fix {:?}", edit.replacement));
            }
        }
        lines.join("\n")
    }
}

/// Tries a garden of files.
pub(super) fn try_files(files: &[(String, String)], past: Option<&Past>) -> Tried {
    let (mut sources, mut findings) = (Sources::default(), Findings::default());
    let built_in = BUILT_IN.get_or_init(|| Definitions::built_in(&mut Sources::default()));
    // The ids of the built-in files come first, as in any run.
    definition::built_in(&mut sources);
    let mut checked = Vec::new();
    for (path, text) in files {
        let file = sources.add(SourceFile::new(path, text));
        let document = syntax::parse(file, text, &mut findings);
        checked.push((path.clone(), schema::check(document, &mut findings)));
    }
    let placed = place(checked, "", &mut findings);
    let definitions = built_in.with(&placed, &mut findings);
    let garden = build_again(&mut ModelMemo::default(), &placed, &definitions, past, &sources, &mut findings);
    findings.sort();
    Tried { sources, garden, findings: findings.into_iter().collect() }
}

/// The baseline with some files changed: path, text that stands there, text that comes.
pub(super) fn changed(changes: &[(&str, &str, &str)]) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> =
        BASELINE.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    for (path, from, to) in changes {
        let file = files.iter_mut().find(|(known, _)| known == path).expect("a file of the baseline");
        assert!(file.1.contains(from), "{path} holds {from:?}");
        file.1 = file.1.replacen(from, to, 1);
    }
    files
}

/// The baseline as it was applied last.
pub(super) fn past(changes: &[(&str, &str, &str)]) -> Past {
    let tried = try_files(&changed(changes), None);
    assert!(
        !tried.findings.iter().any(|finding| finding.severity == crate::finding::Severity::Error),
        "{}",
        tried.short()
    );
    Past { organisations: tried.garden().organisations.clone(), ..Past::default() }
}
