//! `docs/security.md` names every limit with the number that the source has.

use std::fs;
use std::path::Path;

#[test]
fn the_page_of_limits_says_what_the_source_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/security.md")).unwrap();
    let mut rows = 0;
    for line in page.lines().filter(|line| line.starts_with("| ") && line.contains("`src/")) {
        let code: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
        let [.., file, constant] = code.as_slice() else { panic!("{line}") };
        let source = fs::read_to_string(root.join(file)).unwrap_or_else(|_| panic!("{file} is not there: {line}"));
        let (name, value) = constant.split_once(" = ").unwrap();
        let name = name.split(':').next().unwrap();
        let said = source
            .lines()
            .any(|line| line.contains(&format!("const {name}: ")) && line.ends_with(&format!(" = {value};")));
        assert!(said, "{file} does not say {constant}: {line}");
        rows += 1;
    }
    assert!(rows > 20, "{rows} rows");
}
