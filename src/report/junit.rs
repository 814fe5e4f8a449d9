//! `JUnit` XML, which GitLab shows on a merge request without a licence.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{severity, way};
use crate::finding::{Finding, Findings, Severity};
use crate::source::Sources;
use crate::visible;

pub(super) fn render(findings: &Findings, sources: &Sources) -> String {
    let failures = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let tests = findings.len().max(1);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ =
        writeln!(out, "<testsuites>\n  <testsuite name=\"parcelle check\" tests=\"{tests}\" failures=\"{failures}\">");
    if findings.is_empty() {
        out.push_str("    <testcase name=\"no findings\" classname=\"parcelle\" time=\"0\"/>\n");
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for finding in findings {
        let name = unique(&mut seen, subject(finding, sources));
        out.push_str(&case(finding, &name, sources));
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

/// "subject · code": what a widget shows, without the line, which moves.
fn subject(finding: &Finding, sources: &Sources) -> String {
    let text = sources.shown(finding.primary.span);
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(60).collect();
    let path = &sources.file(finding.file()).path;
    let subject = if text.is_empty() { path.to_string() } else { format!("{path} {text}") };
    format!("{subject} · {}", finding.code.as_str())
}

/// Equal names are dropped by those who read the report.
fn unique(seen: &mut BTreeMap<String, usize>, name: String) -> String {
    let count = seen.entry(name.clone()).or_default();
    *count += 1;
    if *count == 1 { name } else { format!("{name} ({count})") }
}

fn case(finding: &Finding, name: &str, sources: &Sources) -> String {
    let path = escape(&sources.file(finding.file()).path);
    let place = sources.locate(finding.primary.span);
    let mut body = vec![format!("{place}: {}", finding.title)];
    body.extend(Some(finding.primary.text.clone()).filter(|text| !text.is_empty()));
    body.extend(finding.secondary.iter().map(|label| format!("{}: {}", sources.locate(label.span), label.text)));
    body.extend(finding.why.iter().map(|why| format!("why: {why}")));
    body.extend(finding.help.iter().map(|help| format!("help: {help}")));
    body.extend(finding.fixes.iter().map(|fix| format!("{}: {}", way(fix.applicability), fix.title)));
    let body = body.iter().map(|line| escape(line)).collect::<Vec<_>>().join("\n");
    let inside = if finding.severity == Severity::Error {
        format!("<failure message=\"{}\" type=\"{}\">{body}</failure>", escape(&finding.title), finding.code.as_str())
    } else {
        format!("<system-out>{}: {body}</system-out>", severity(finding))
    };
    format!(
        "    <testcase name=\"{}\" classname=\"{path}\" file=\"{path}\" time=\"0\">{inside}</testcase>\n",
        escape(name)
    )
}

/// Text on one line as XML may hold it: what XML 1.0 forbids is shown as U+FFFD.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in visible::line(text).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{FFFE}' | '\u{FFFF}' => out.push(visible::REPLACEMENT),
            _ => out.push(character),
        }
    }
    out
}
