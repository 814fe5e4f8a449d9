//! Findings as diagnostics of miette, for whoever draws those.

use std::fmt;

use miette::{Diagnostic, LabeledSpan, NamedSource, Severity as Weight, SourceCode};

use crate::finding::{Finding, Label, Severity};
use crate::source::Sources;

/// A finding with the text of its file. Labels in other files become related diagnostics, since a diagnostic of miette
/// has one source.
#[derive(Debug)]
pub(crate) struct Drawn {
    finding: Finding,
    source: NamedSource<String>,
    related: Vec<Elsewhere>,
}

impl Drawn {
    /// A finding of `sources`.
    pub(crate) fn new(finding: &Finding, sources: &Sources) -> Self {
        let source = |label: &Label| {
            let file = sources.file(label.span.file);
            NamedSource::new(&file.path, file.text.to_string())
        };
        let other = finding.secondary.iter().filter(|label| label.span.file != finding.file());
        Self {
            finding: finding.clone(),
            source: source(&finding.primary),
            related: other.map(|label| Elsewhere { label: label.clone(), source: source(label) }).collect(),
        }
    }
}

impl fmt::Display for Drawn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.finding.title)?;
        self.finding.why.iter().try_for_each(|why| write!(formatter, "\n{why}"))
    }
}

impl std::error::Error for Drawn {}

impl Diagnostic for Drawn {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.finding.code.as_str()))
    }

    fn severity(&self) -> Option<Weight> {
        Some(match self.finding.severity {
            Severity::Error => Weight::Error,
            Severity::Warning => Weight::Warning,
            Severity::Hint => Weight::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let fixes = self.finding.fixes.iter().map(|fix| fix.title.clone());
        let lines: Vec<String> = self.finding.help.iter().cloned().chain(fixes).collect();
        if lines.is_empty() { None } else { Some(Box::new(lines.join("\n"))) }
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let here = self.finding.secondary.iter().filter(|label| label.span.file == self.finding.file());
        let primary =
            LabeledSpan::new_primary_with_span(words(&self.finding.primary), self.finding.primary.span.range());
        Some(Box::new(std::iter::once(primary).chain(here.map(labelled))))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.related.iter().map(|other| other as &dyn Diagnostic)))
    }
}

/// A label in another file.
#[derive(Debug)]
struct Elsewhere {
    label: Label,
    source: NamedSource<String>,
}

impl fmt::Display for Elsewhere {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.label.text)
    }
}

impl std::error::Error for Elsewhere {}

impl Diagnostic for Elsewhere {
    fn severity(&self) -> Option<Weight> {
        Some(Weight::Advice)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(labelled(&self.label))))
    }
}

fn words(label: &Label) -> Option<String> {
    (!label.text.is_empty()).then(|| label.text.clone())
}

fn labelled(label: &Label) -> LabeledSpan {
    LabeledSpan::new_with_span(words(label), label.span.range())
}
