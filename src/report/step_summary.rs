//! All findings as Markdown, for the page that GitHub shows of a job (`GITHUB_STEP_SUMMARY`).

use std::fmt::Write as _;

use super::markup::{cell, code_cell, escape};
use super::severity;
use crate::finding::{Finding, Findings};
use crate::source::Sources;

/// GitHub refuses a summary of more than 1 MiB as a whole.
const AT_MOST: usize = 900_000;

/// The findings as a table, the first of them where not all have room.
pub(crate) fn step_summary(findings: &Findings, sources: &Sources) -> String {
    if findings.is_empty() {
        return "### parcelle check\n\nNo findings.\n".to_owned();
    }
    let mut out = format!("### parcelle check\n\n{}\n\n", escape(super::text::summary(findings).trim_end()));
    out.push_str("| finding | place | what | way out |\n|---|---|---|---|\n");
    for (at, finding) in findings.iter().enumerate() {
        let row = row(finding, sources);
        if out.len() + row.len() > AT_MOST {
            let _ = writeln!(out, "\n… and {} more: `parcelle check` lists all of them.", findings.len() - at);
            break;
        }
        out.push_str(&row);
    }
    out
}

fn row(finding: &Finding, sources: &Sources) -> String {
    let parts = |texts: Vec<&String>| {
        let texts = texts.into_iter().filter(|text| !text.is_empty());
        texts.map(|text| cell(text)).collect::<Vec<_>>().join("<br>")
    };
    let what = parts([&finding.title, &finding.primary.text].into_iter().chain(&finding.why).collect());
    let way_out = parts(finding.help.iter().chain(finding.fixes.iter().map(|fix| &fix.title)).collect());
    let place = code_cell(&sources.locate(finding.primary.span));
    format!("| {} {} | {place} | {what} | {way_out} |\n", severity(finding), finding.code.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Code;
    use crate::source::{SourceFile, Span};

    #[test]
    fn a_summary_lists_every_finding_and_nothing_of_a_garden_becomes_markup() {
        let mut sources = Sources::default();
        let file = sources.add(SourceFile::new("a|b.kdl", "title x\n"));
        let mut findings = Findings::default();
        for _ in 0..30 {
            let hostile = "one | <b>two</b>\n[three](http://x) @four";
            findings.push(Finding::error(Code::new("E0101"), hostile, Span::new(file, 0..5)).help(hostile));
        }
        let text = step_summary(&findings, &sources);
        assert_eq!(text.matches("| error E0101 |").count(), 30);
        assert!(text.contains("| one `\\| <b>two</b>⏎[three](http://x) @four` |"), "{text}");
        let columns = |line: &str| line.replace("\\|", "").matches('|').count() == 5;
        assert!(text.lines().filter(|line| line.starts_with("| error")).all(columns), "{text}");
    }
}
