//! A whole garden written in one text, laid out as a garden lies on disk: each node in the file where it counts.

use std::collections::BTreeMap;

/// The files of a garden: `garden.kdl`, clusters, offers, definitions and organisations in folders of theirs. Each line keeps
/// its number, so that what is told of it can be looked up in the text.
pub(crate) fn laid_out(text: &str) -> Vec<(String, String)> {
    let mut files: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let (mut depth, mut waiting, mut path) = (0_usize, Vec::new(), None);
    for (number, line) in text.lines().enumerate() {
        path = path.or_else(|| path_of(line));
        // Notes and blanks above a node go with it.
        waiting.push((number, line));
        let count = |brace: char| unquoted(line).filter(|letter| *letter == brace).count();
        depth = (depth + count('{')).saturating_sub(count('}'));
        if let Some(path) = path.take_if(|_| depth == 0) {
            let file = files.entry(path).or_insert_with(|| vec!["edition 2026"]);
            for (number, line) in waiting.drain(..).filter(|(_, line)| !line.starts_with("edition ")) {
                file.resize(file.len().max(number), "");
                file.push(line);
            }
        }
    }
    files.into_iter().map(|(path, lines)| (path, lines.join("\n") + "\n")).collect()
}

/// The file of the node that a line begins.
fn path_of(line: &str) -> Option<String> {
    let line = line.strip_prefix("retired ").unwrap_or(line);
    let (kind, rest) = line.split_once(' ')?;
    let name = rest.split([' ', '{']).next()?;
    match kind {
        "garden" => Some("garden.kdl".to_owned()),
        "cluster" | "offer" | "definition" | "organisation" => Some(format!("{kind}s/{name}.kdl")),
        _ => None,
    }
}

/// The letters of a line that stand in no text and no comment.
fn unquoted(line: &str) -> impl Iterator<Item = char> {
    let (mut inside, mut before) = (false, ' ');
    line.chars()
        .take_while(move |letter| {
            let comment = !inside && before == '/' && *letter == '/';
            inside ^= *letter == '"' && before != '\\';
            before = *letter;
            !comment
        })
        .scan(false, |inside, letter| {
            *inside ^= letter == '"';
            Some(if *inside { ' ' } else { letter })
        })
}

#[test]
fn each_node_stands_in_the_file_where_it_counts_at_the_line_that_it_had() {
    let text =
        "edition 2026\n\ngarden g {\n    title \"{\"\n}\n/// One.\norganisation a { title A; }\ncluster c {\n}\n";
    let expected = [
        ("clusters/c.kdl", "edition 2026\n\n\n\n\n\n\ncluster c {\n}\n"),
        ("garden.kdl", "edition 2026\n\ngarden g {\n    title \"{\"\n}\n"),
        ("organisations/a.kdl", "edition 2026\n\n\n\n\n/// One.\norganisation a { title A; }\n"),
    ];
    assert_eq!(laid_out(text), expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
}
