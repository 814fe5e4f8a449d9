//! The inputs of the kdl crate's own suite, read by both.

use std::fs;
use std::path::Path;

use parcelle::finding::{Findings, Severity};
use parcelle::source::FileId;
use parcelle::syntax;

/// What KDL allows and the house rules do not: unusual line ends, a property twice, numbers that cannot be kept, types
/// in parentheses.
const REFUSED_ON_PURPOSE: &[&str] = &["E0003", "E0020", "E0021", "E0023"];

/// What the specification refuses and the kdl crate reads.
const SPECIFIED_FAILURES: &[&str] = &["multiline_raw_string_single_line_err_fail", "unicode_delete_fail"];

fn inputs() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/kdl");
    let entries = fs::read_dir(folder).expect("the folder is in the repository");
    let paths = entries.map(|entry| entry.expect("a readable entry").path());
    let kdl = paths.filter(|path| path.extension().is_some_and(|extension| extension == "kdl"));
    let mut inputs: Vec<_> = kdl
        .map(|path| {
            let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("the inputs are UTF-8"))
        })
        .collect();
    inputs.sort();
    inputs
}

fn codes(text: &str) -> Vec<&'static str> {
    let mut findings = Findings::default();
    syntax::parse(FileId(0), text, &mut findings);
    findings.iter().filter(|finding| finding.severity == Severity::Error).map(|finding| finding.code.as_str()).collect()
}

#[test]
fn what_kdl_refuses_has_a_finding_and_what_it_reads_has_none() {
    let mut wrong = Vec::new();
    for (name, text) in inputs() {
        let refused = ::kdl::KdlDocument::parse_v2(&text).is_err();
        let codes = codes(&text);
        let on_purpose = codes.iter().all(|code| REFUSED_ON_PURPOSE.contains(code));
        let agree = if refused { !codes.is_empty() } else { on_purpose || SPECIFIED_FAILURES.contains(&name.as_str()) };
        if !agree {
            wrong.push(format!("{name}: kdl refuses: {refused}, ours: {codes:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
