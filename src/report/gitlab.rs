//! GitLab's Code Quality report: `artifacts:reports:codequality`.

use serde_json::{Value, json};

use super::fingerprints;
use crate::finding::{Findings, Severity};
use crate::source::Sources;

pub(super) fn render(findings: &Findings, sources: &Sources) -> String {
    let named = findings.iter().zip(fingerprints(findings, sources));
    let entries: Vec<Value> = named
        .map(|(finding, fingerprint)| {
            let mut description = finding.title.clone();
            if let Some(why) = &finding.why {
                description = format!("{description}: {why}");
            }
            json!({
                "description": description,
                "check_name": finding.code.0,
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
    format!("{:#}\n", Value::from(entries))
}
