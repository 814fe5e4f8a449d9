//! What names a finding over commits: not its line, or every edit above it would make it another.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::finding::Findings;
use crate::source::Sources;

/// The longest text under a span that a fingerprint takes in, in characters.
const LONGEST_SUBJECT: usize = 200;

/// One SHA-256 in hexadecimal a finding, of code, path, the marked text and how often these three came before.
pub(crate) fn fingerprints(findings: &Findings, sources: &Sources) -> Vec<String> {
    let mut seen: BTreeMap<(&str, &str, String), usize> = BTreeMap::new();
    let named = findings.iter().map(|finding| {
        let span = finding.primary.span;
        let path: &str = &sources.file(span.file).path;
        let subject: String = sources.shown(span).split_whitespace().collect::<Vec<_>>().join(" ");
        let subject: String = subject.chars().take(LONGEST_SUBJECT).collect();
        let ordinal = seen.entry((finding.code.as_str(), path, subject.clone())).or_default();
        *ordinal += 1;
        hash(&[finding.code.as_str(), path, &subject, &ordinal.to_string()])
    });
    named.collect()
}

fn hash(parts: &[&str]) -> String {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let digest = context.finish();
    digest.as_ref().iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Code, Finding};
    use crate::source::{SourceFile, Span};

    fn of(text: &str, starts: &[usize]) -> Vec<String> {
        let mut sources = Sources::default();
        let file = sources.add(SourceFile::new("a.kdl", text));
        let mut findings = Findings::default();
        for start in starts {
            findings.push(Finding::error(Code::new("E0001"), "title", Span::new(file, *start..start + 3)));
        }
        fingerprints(&findings, &sources)
    }

    #[test]
    fn a_fingerprint_survives_lines_above_and_tells_repetitions_apart() {
        let before = of("abc abc", &[0, 4]);
        assert_ne!(before[0], before[1]);
        assert_eq!(before, of("x\nabc abc", &[2, 6]));
    }
}
