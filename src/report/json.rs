//! One JSON object a line, versioned.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{fingerprints, severity};
use crate::finding::{Applicability, Edit, Finding, Findings, Fix, Label};
use crate::source::{Sources, Span};
use crate::visible;

/// Raised when a field changes its meaning or goes; new fields do not raise it.
const VERSION: u32 = 1;

pub(super) fn render(findings: &Findings, sources: &Sources) -> String {
    let named = findings.iter().zip(fingerprints(findings, sources));
    named.fold(String::new(), |mut out, (finding, fingerprint)| {
        let _ = writeln!(out, "{}", visible::json(object(finding, &fingerprint, sources).to_string()));
        out
    })
}

fn object(finding: &Finding, fingerprint: &str, sources: &Sources) -> Value {
    json!({
        "version": VERSION,
        "code": finding.code.as_str(),
        "severity": severity(finding),
        "title": finding.title,
        "primary": label(&finding.primary, sources),
        "secondary": finding.secondary.iter().map(|other| label(other, sources)).collect::<Vec<_>>(),
        "why": finding.why,
        "help": finding.help,
        "fixes": finding.fixes.iter().map(|way| fix(way, sources)).collect::<Vec<_>>(),
        "stops": finding.stops.as_ref().map(super::super::name::Name::as_str),
        "fingerprint": fingerprint,
    })
}

fn label(label: &Label, sources: &Sources) -> Value {
    let mut place = place(label.span, sources);
    place["text"] = Value::from(label.text.as_str());
    place
}

fn place(span: Span, sources: &Sources) -> Value {
    let (start, end) = (sources.start(span), sources.end(span));
    json!({
        "path": &*sources.file(span.file).path,
        "byte": span.start,
        "line": start.line,
        "col": start.column,
        "end_byte": span.end,
        "end_line": end.line,
        "end_col": end.column,
    })
}

fn fix(fix: &Fix, sources: &Sources) -> Value {
    let edits = fix.edits.iter().map(|Edit { span, replacement }| {
        let mut edit = place(*span, sources);
        edit["replacement"] = Value::from(replacement.as_str());
        edit
    });
    json!({
        "title": fix.title,
        "applicability": applicability(fix.applicability),
        "edits": edits.collect::<Vec<_>>(),
    })
}

/// The word for how far a fix may be trusted.
pub(crate) fn applicability(applicability: Applicability) -> &'static str {
    match applicability {
        Applicability::Safe => "safe",
        Applicability::Guess => "guess",
        Applicability::NeedsFilling => "needs-filling",
    }
}
