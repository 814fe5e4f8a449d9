//! The manual pages of the language and its rules.

use super::*;

/// The codes that `schema` and `model` give, and the page of each.
#[expect(clippy::disallowed_methods, reason = "the pages are files of the repository")]
fn pages() -> Vec<(String, String)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/findings");
    let entries = std::fs::read_dir(folder).expect("the folder is in the repository");
    let paths = entries.map(|entry| entry.expect("a readable entry").path());
    let pages = paths.filter_map(|path| {
        let code = path.file_stem()?.to_str()?.to_owned();
        let ours = ["E01", "E02", "E03", "E040", "E041", "E07", "W01"].iter().any(|start| code.starts_with(start));
        ours.then(|| (code, std::fs::read_to_string(&path).expect("a page is UTF-8")))
    });
    pages.collect()
}

#[test]
fn every_example_of_a_page_can_be_read() {
    for (code, page) in pages() {
        assert!(page.starts_with(&format!("# {code}: ")), "{code} has its title");
        for block in page.split("```kdl ").skip(1) {
            let text = block.split_once('\n').and_then(|(_, rest)| rest.split_once("```")).expect("a block ends").0;
            let mut findings = Findings::default();
            syntax::parse(crate::source::FileId(0), text, &mut findings);
            assert!(findings.is_empty(), "{code}: {text}\n{findings:#?}");
        }
    }
}
