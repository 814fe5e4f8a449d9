//! GitLab's Code Quality report: `artifacts:reports:codequality`.

use serde_json::{Value, json};

use super::fingerprints;
use crate::finding::{Findings, Severity};
use crate::source::Sources;
use crate::visible;

pub(super) fn render(findings: &Findings, sources: &Sources) -> String {
    let named = findings.iter().zip(fingerprints(findings, sources));
    let entries: Vec<Value> = named
        .map(|(finding, fingerprint)| {
            let label = Some(&finding.primary.text).filter(|text| !text.is_empty());
            let parts = [Some(&finding.title), label, finding.why.as_ref()];
            let description = parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(": ");
            json!({
                "description": description,
                "check_name": finding.code.as_str(),
                "fingerprint": fingerprint,
                "severity": match finding.severity {
                    Severity::Error => "major",
                    Severity::Warning => "minor",
                    Severity::Hint => "info",
                },
                "location": {
                    "path": &*sources.file(finding.file()).path,
                    "lines": { "begin": sources.start(finding.primary.span).line },
                },
            })
        })
        .collect();
    visible::json(format!("{:#}\n", Value::from(entries)))
}
