//! The built-in definitions load without a finding, and what they say is what the tables say.

use super::*;
use crate::finding::Findings;
use crate::schema;
use crate::syntax::{self, Document};

/// The documents of the built-in files, as the schema accepted them.
fn documents(sources: &mut Sources, findings: &mut Findings) -> Vec<Document> {
    let files = built_in(sources);
    let parsed = files.into_iter().map(|file| syntax::parse(file, &sources.file(file).text.clone(), findings));
    let parsed: Vec<Document> = parsed.collect();
    parsed.into_iter().map(|document| schema::check(document, findings).document).collect()
}

fn shown(sources: &Sources, findings: &Findings) -> Vec<String> {
    let line = |finding: &Finding| {
        let why = finding.why.as_deref().unwrap_or_default();
        format!(
            "{}: {}: {} ({why}) {:?}",
            sources.locate(finding.primary.span),
            finding.code.0,
            finding.title,
            finding.help
        )
    };
    findings.iter().map(line).collect()
}

#[test]
fn the_built_in_definitions_have_no_finding() {
    let (mut sources, mut findings) = (Sources::default(), Findings::default());
    let documents = documents(&mut sources, &mut findings);
    let definitions = load_all(&documents, &[], &mut findings);
    assert_eq!(shown(&sources, &findings), Vec::<String>::new());
    let names: Vec<&str> = definitions.loaded.keys().map(Name::as_str).collect();
    assert_eq!(names, ["hedgedoc", "nextcloud", "static-site"]);
}
