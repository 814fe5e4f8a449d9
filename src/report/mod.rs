//! What people and machines are told of findings, in every output format.

pub(crate) mod codeowners;
mod fingerprint;
mod github;
mod gitlab;
mod json;
mod junit;
mod markup;
mod narrated;
pub mod plan;
pub mod reference;
mod reviewed;
mod sarif;
mod step_summary;
mod text;

use std::fmt;
use std::str::FromStr;

use crate::finding::{Applicability, Finding, Findings, Severity};
use crate::source::Sources;
use crate::visible;

pub use crate::finding::{page, pages};
pub(crate) use fingerprint::fingerprints;
pub(crate) use markup::{code, escape};
pub(crate) use reviewed::reviewed_findings;
pub(crate) use step_summary::step_summary;

/// How texts for people are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drawing {
    /// Lines with marks below them.
    #[default]
    Plain,
    /// The same in colours.
    Coloured,
    /// In sentences, for screen readers.
    Narrated,
}

impl Drawing {
    /// Whether colours are wanted.
    pub(crate) fn has_colour(self) -> bool {
        self == Self::Coloured
    }

    /// Whether it is heard rather than seen.
    pub(crate) fn is_narrated(self) -> bool {
        self == Self::Narrated
    }
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// For people: the lines with what is marked in them.
    Text,
    /// `path:line:col: error[E0412]: title`, a line each.
    Short,
    /// One JSON object a line.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// GitLab's Code Quality report.
    Gitlab,
    /// GitHub's workflow commands.
    Github,
    /// `JUnit` XML, which GitLab shows on a merge request.
    Junit,
}

/// All formats with the words that name them.
pub(crate) const FORMATS: &[(&str, Format)] = &[
    ("text", Format::Text),
    ("short", Format::Short),
    ("json", Format::Json),
    ("sarif", Format::Sarif),
    ("gitlab", Format::Gitlab),
    ("github", Format::Github),
    ("junit", Format::Junit),
];

/// A word that names no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no format `{0}`: text, short, json, sarif, gitlab, github or junit")]
pub struct UnknownFormat(String);

impl Format {
    /// Whether people read it rather than programs.
    pub(crate) fn is_for_people(self) -> bool {
        matches!(self, Self::Text | Self::Short)
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(word: &str) -> Result<Self, UnknownFormat> {
        let found = FORMATS.iter().find(|(name, _)| *name == word);
        found.map(|(_, format)| *format).ok_or_else(|| UnknownFormat(word.to_owned()))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = FORMATS.iter().find(|(_, format)| format == self);
        formatter.write_str(found.map_or("", |(name, _)| name))
    }
}

/// The findings in one format, in the order they have. `drawing` counts for [`Format::Text`] and [`Format::Short`] only.
pub fn render(format: Format, findings: &Findings, sources: &Sources, drawing: Drawing) -> String {
    match format {
        Format::Text if drawing.is_narrated() => narrated::render(findings, sources),
        Format::Text => text::render(findings, sources, drawing.has_colour()),
        Format::Short => short(findings, sources, drawing.has_colour()),
        Format::Json => json::render(findings, sources),
        Format::Sarif => sarif::render(findings, sources),
        Format::Gitlab => gitlab::render(findings, sources),
        Format::Github => github::render(findings, sources),
        Format::Junit => junit::render(findings, sources),
    }
}

/// The word before a fix: how far it may be trusted.
fn way(applicability: Applicability) -> &'static str {
    match applicability {
        Applicability::Safe => "fix",
        Applicability::Guess => "try",
        Applicability::NeedsFilling => "fill",
    }
}

/// The word for a severity.
pub(crate) fn severity(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "hint",
    }
}

fn short(findings: &Findings, sources: &Sources, colour: bool) -> String {
    let lines = findings.iter().map(|finding| {
        let head = text::heading(finding, colour);
        format!("{}: {head}\n", visible::line(&sources.locate(finding.primary.span)))
    });
    lines.collect()
}
