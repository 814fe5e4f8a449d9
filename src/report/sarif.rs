//! SARIF 2.1.0, with what GitHub and editors read of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{fingerprints, page};
use crate::finding::{Code, Finding, Findings, Fix, Label, Severity};
use crate::source::{Sources, Span};
use crate::visible;

/// The name by which readers know the root of what was checked.
const ROOT: &str = "%SRCROOT%";

pub(super) fn render(findings: &Findings, sources: &Sources) -> String {
    let codes: BTreeSet<(Code, Severity)> = findings.iter().map(|finding| (finding.code, finding.severity)).collect();
    let mut rules: Vec<(Code, Severity)> = Vec::new();
    for (code, severity) in codes {
        if rules.last().is_none_or(|(last, _)| *last != code) {
            rules.push((code, severity));
        }
    }
    let named = findings.iter().zip(fingerprints(findings, sources));
    let results: Vec<Value> = named.map(|(finding, hash)| result(finding, &hash, &rules, sources)).collect();
    let report = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "parcelle",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|(code, severity)| rule(*code, *severity)).collect::<Vec<_>>(),
            } },
            "originalUriBaseIds": { ROOT: { "description": { "text": "the root of the garden's repository" } } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    visible::json(format!("{report:#}\n"))
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "note",
    }
}

fn rule(code: Code, severity: Severity) -> Value {
    let page = page(code.as_str()).unwrap_or_default();
    let title = page.lines().next().unwrap_or_default().trim_start_matches('#').trim();
    let title = title.strip_prefix(code.as_str()).unwrap_or(title).trim_start_matches(':').trim();
    let title = if title.is_empty() { code.as_str() } else { title };
    let body = page.split_once('\n').map_or("", |(_, body)| body.trim());
    let help = if body.is_empty() { title } else { body };
    let first = help.split("\n\n").next().unwrap_or(help).replace('\n', " ");
    json!({
        "id": code.as_str(),
        "shortDescription": { "text": title },
        "fullDescription": { "text": first },
        "help": { "text": help, "markdown": help },
        "defaultConfiguration": { "level": level(severity) },
    })
}

fn result(finding: &Finding, hash: &str, rules: &[(Code, Severity)], sources: &Sources) -> Value {
    let mut message = vec![plain(&finding.title)];
    message.extend(said(&finding.primary).map(plain));
    message.extend(finding.why.as_deref().map(plain));
    let related = finding.secondary.iter().enumerate().map(|(at, label)| {
        let words = plain(said(label).unwrap_or("see here"));
        message.push(format!("[{words}]({})", at + 1));
        let mut location = location(label.span, sources);
        location["id"] = Value::from(at + 1);
        location["message"] = json!({ "text": words });
        location
    });
    let related: Vec<Value> = related.collect();
    message.extend(finding.help.iter().map(|help| plain(help)));
    let mut result = json!({
        "ruleId": finding.code.as_str(),
        "ruleIndex": rules.iter().position(|(code, _)| *code == finding.code),
        "level": level(finding.severity),
        "message": { "text": message.join("\n") },
        "locations": [location(finding.primary.span, sources)],
        "partialFingerprints": { "primaryLocationLineHash": hash },
    });
    if !related.is_empty() {
        result["relatedLocations"] = Value::from(related);
    }
    if !finding.fixes.is_empty() {
        result["fixes"] = finding.fixes.iter().map(|way| fix(way, sources)).collect();
    }
    result
}

/// What a label says, where it says anything.
fn said(label: &Label) -> Option<&str> {
    Some(label.text.as_str()).filter(|text| !text.is_empty())
}

/// A text as part of a message, in which brackets would begin a link (§3.11.6) and braces a placeholder (§3.11.5).
///
/// Descriptions of rules take no arguments, so nothing is a placeholder there, and they stay as they are.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '[' | ']' => out.extend(['\\', character]),
            '{' | '}' => out.extend([character, character]),
            _ => out.push(character),
        }
    }
    out
}

fn location(span: Span, sources: &Sources) -> Value {
    json!({ "physicalLocation": { "artifactLocation": artifact(span, sources), "region": region(span, sources) } })
}

/// A file below the root of the repository; one of our own has no place there.
fn artifact(span: Span, sources: &Sources) -> Value {
    let path = &sources.file(span.file).path;
    let mut artifact = json!({ "uri": uri(path) });
    if !path.starts_with('<') {
        artifact["uriBaseId"] = ROOT.into();
    }
    artifact
}

fn region(span: Span, sources: &Sources) -> Value {
    let (start, end) = (sources.start(span), sources.end(span));
    json!({ "startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column })
}

/// A relative path as a URI reference.
fn uri(path: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte);
    path.bytes().map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn fix(fix: &Fix, sources: &Sources) -> Value {
    let mut changes: Vec<Value> = Vec::new();
    for edit in &fix.edits {
        let artifact = artifact(edit.span, sources);
        let replacement =
            json!({ "deletedRegion": region(edit.span, sources), "insertedContent": { "text": edit.replacement } });
        match changes.iter_mut().find(|change| change["artifactLocation"] == artifact) {
            Some(change) => change["replacements"].as_array_mut().expect("it was made as a list").push(replacement),
            None => changes.push(json!({ "artifactLocation": artifact, "replacements": [replacement] })),
        }
    }
    json!({ "description": { "text": plain(&fix.title) }, "artifactChanges": changes })
}
