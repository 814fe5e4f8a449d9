//! GitHub's workflow commands, which annotate lines of a pull request.

use std::fmt::Write as _;

use super::{severity, way};
use crate::finding::{Finding, Findings, Severity};
use crate::source::Sources;
use crate::visible;

/// GitHub shows so many of each level a step; the rest it drops in silence.
const MOST_OF_A_LEVEL: usize = 10;

pub(super) fn render(findings: &Findings, sources: &Sources) -> String {
    let mut out = String::new();
    for level in [Severity::Error, Severity::Warning, Severity::Hint] {
        let of_level: Vec<&Finding> = findings.iter().filter(|finding| finding.severity == level).collect();
        let shown = if of_level.len() > MOST_OF_A_LEVEL { MOST_OF_A_LEVEL - 1 } else { of_level.len() };
        for finding in &of_level[..shown] {
            out.push_str(&command(finding, sources));
        }
        if let Some(next) = of_level.get(shown) {
            let more = of_level.len() - shown;
            let words = if more == 1 { severity(next).to_owned() } else { format!("{}s", severity(next)) };
            let message = data(&format!("and {more} more {words}: `parcelle check` lists all of them"));
            let _ = writeln!(out, "::{}::{message}", word(level));
        }
    }
    out
}

fn word(level: Severity) -> &'static str {
    match level {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "notice",
    }
}

fn command(finding: &Finding, sources: &Sources) -> String {
    let span = finding.primary.span;
    let (start, end) = (sources.start(span), sources.end(span));
    let path = property(&sources.file(span.file).path);
    let mut place = format!("file={path},line={},endLine={}", start.line, end.line);
    if start.line == end.line {
        // Columns of a place over several lines are refused.
        let _ = write!(place, ",col={},endColumn={}", start.column, end.column);
    }
    let title = property(&format!("{}: {}", finding.code.as_str(), finding.title));
    format!("::{} {place},title={title}::{}\n", word(finding.severity), data(&message(finding, sources)))
}

fn message(finding: &Finding, sources: &Sources) -> String {
    let mut lines = Vec::new();
    if !finding.primary.text.is_empty() {
        lines.push(finding.primary.text.clone());
    }
    lines.extend(finding.why.clone());
    if lines.is_empty() {
        // The title stands above it, and an empty message is none.
        lines.push(finding.title.clone());
    }
    for label in &finding.secondary {
        lines.push(format!("{}: {}", sources.locate(label.span), label.text));
    }
    lines.extend(finding.help.iter().map(|help| format!("help: {help}")));
    lines.extend(finding.fixes.iter().map(|fix| format!("{}: {}", way(fix.applicability), fix.title)));
    lines.join("\n")
}

fn data(text: &str) -> String {
    let text: String = visible::characters(&text.replace('\r', "").replace('\t', " ")).collect();
    visible::without_commands(&text).replace('%', "%25").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
