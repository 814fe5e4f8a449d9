//! Findings told in sentences, for those who hear them: no arrows, no marks below lines, no colour.
//!
//! ```text
//! 1 error in 1 file.
//!
//! Finding 1 of 1, error E0412: alternatiba asks for more storage than its offer grants.
//! It is in orgs/alternatiba.kdl, line 17, column 9: "storage 220 GiB". Said there: cloud: 220 GiB.
//! See also orgs/offers/liiibre.kdl, line 8, column 9: "storage 200 GiB". Said there: liiibre grants 200 GiB.
//! Why: the apps of alternatiba add up to 230 GiB: cloud 220 GiB and 10 GiB.
//! Help: lower `storage`, or move alternatiba to another offer.
//! ```

use std::fmt::Write as _;

use super::text::summary;
use super::{severity, way};
use crate::finding::{Finding, Findings, Label};
use crate::source::Sources;
use crate::visible;

/// How many characters of what is marked are read out.
const LONGEST_QUOTE: usize = 80;

pub(super) fn render(findings: &Findings, sources: &Sources) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let mut out = format!("{}.\n", summary(findings).trim_end());
    for (at, finding) in findings.iter().enumerate() {
        let _ = write!(out, "\nFinding {} of {}, ", at + 1, findings.len());
        tell(&mut out, finding, sources);
    }
    out
}

fn tell(out: &mut String, finding: &Finding, sources: &Sources) {
    let mut sentence = |start: &str, text: &str| {
        let text = visible::line(&text.replace('\n', "; "));
        let end = if text.ends_with(['.', '?', '!', '…']) { "" } else { "." };
        let _ = writeln!(out, "{start}{text}{end}");
    };
    sentence(&format!("{} {}: ", severity(finding), finding.code.as_str()), &finding.title);
    sentence("It is in ", &place(&finding.primary, sources));
    finding.secondary.iter().for_each(|label| sentence("See also ", &place(label, sources)));
    finding.why.iter().for_each(|why| sentence("Why: ", why));
    finding.help.iter().for_each(|help| sentence("Help: ", help));
    for fix in &finding.fixes {
        let word = match way(fix.applicability) {
            "fix" => "Fix, safe to apply: ",
            "try" => "Possible fix: ",
            _ => "Fix, to be filled in: ",
        };
        sentence(word, &fix.title);
    }
}

/// `a.kdl, line 3, column 5: "storage 5 GiB". Said there: too much`.
fn place(label: &Label, sources: &Sources) -> String {
    let (start, end) = (sources.start(label.span), sources.end(label.span));
    let mut text = format!("{}, line {}, column {}", sources.file(label.span.file).path, start.line, start.column);
    if end.line > start.line {
        let _ = write!(text, ", to line {}", end.line);
    }
    let marked = sources.shown(label.span);
    let marked = marked.lines().next().unwrap_or_default().trim();
    if !marked.is_empty() {
        let quote: String = marked.chars().take(LONGEST_QUOTE).collect();
        let more = if quote.len() < marked.len() { "…" } else { "" };
        let _ = write!(text, ": \"{quote}{more}\"");
    }
    if !label.text.is_empty() {
        let _ = write!(text, ". Said there: {}", label.text);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Applicability, Code};
    use crate::source::{SourceFile, Span};

    #[test]
    fn a_finding_is_told_in_sentences_in_the_order_in_which_it_is_understood() {
        let mut sources = Sources::default();
        let org = sources.add(SourceFile::new("orgs/alternatiba.kdl", "x\n        storage 220 GiB\n"));
        let offer = sources.add(SourceFile::new("orgs/offers/liiibre.kdl", "storage 200 GiB\n"));
        let mut findings = Findings::default();
        findings.push(
            Finding::refused(
                Code::new("E0412"),
                "alternatiba asks for more storage than its offer grants",
                Span::new(org, 10..25),
            )
            .label("cloud: 220 GiB")
            .also(Span::new(offer, 0..15), "liiibre grants 200 GiB")
            .why("the apps add up to 230 GiB")
            .help("lower `storage`, or move alternatiba to another offer")
            .fix(Applicability::Guess, "write `200 GiB`", Span::new(org, 18..25), "200 GiB"),
        );
        let expected = "\
1 error in 1 file.

Finding 1 of 1, error E0412: alternatiba asks for more storage than its offer grants.
It is in orgs/alternatiba.kdl, line 2, column 9: \"storage 220 GiB\". Said there: cloud: 220 GiB.
See also orgs/offers/liiibre.kdl, line 1, column 1: \"storage 200 GiB\". Said there: liiibre grants 200 GiB.
Why: the apps add up to 230 GiB.
Help: lower `storage`, or move alternatiba to another offer.
Possible fix: write `200 GiB`.
";
        assert_eq!(render(&findings, &sources), expected);
    }

    #[test]
    fn what_a_file_holds_cannot_steer_the_reader() {
        let mut sources = Sources::default();
        let file = sources.add(SourceFile::new("a.kdl", "a\u{1B}[31m\u{202E}b"));
        let mut findings = Findings::default();
        findings.push(Finding::error(Code::new("E0001"), "a\u{1B}b", Span::new(file, 0..9)));
        let out = render(&findings, &sources);
        assert!(!out.contains(['\u{1B}', '\u{202E}']), "{out}");
    }
}
