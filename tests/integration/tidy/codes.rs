//! What a finding does is said where it is made; no text of a code decides it.

use super::files;

/// Ways to ask which code a finding has by its text.
const BY_TEXT: &[&str] =
    &["starts_with(\"E", "code.0 ==", "code.0 !=", "code.0.starts_with(\"", "match finding.code.0"];

#[test]
fn nothing_is_decided_by_the_text_of_a_code() {
    let mut wrong = String::new();
    for (path, text) in files("src", ".rs") {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| BY_TEXT.iter().any(|way| line.contains(way)))
        {
            wrong.push_str(&format!("{}:{}: {}\n", path.display(), number + 1, line.trim()));
        }
    }
    assert!(wrong.is_empty(), "a finding says its effect where it is made:\n{wrong}");
}
