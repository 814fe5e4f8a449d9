//! Did-you-mean.

use crate::finding::Finding;

/// The longest word that is compared with others, in bytes; the comparison costs the square of it.
const LONGEST_WORD: usize = 80;

/// The most words that one is compared with; of more, those that share most letters with it.
const MOST_COMPARED: usize = 20;

/// The nearest of the `allowed` words, where one is near enough to be what was meant.
pub(crate) fn nearest<'a>(word: &str, allowed: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST_WORD {
        return None;
    }
    let allowed: Vec<&str> = allowed.into_iter().filter(|word| word.len() <= 2 * LONGEST_WORD).collect();
    let lower = word.to_lowercase().replace('_', "-");
    if let Some(same) = allowed.iter().find(|candidate| candidate.to_lowercase() == lower) {
        return Some(same);
    }
    let near = || similar::get_close_matches(lower.as_str(), &likeliest(&lower, &allowed), 1, 0.6).into_iter().next();
    abbreviated(&lower, &allowed).or_else(near)
}

/// The words that share most letters with `word`, as many as are worth comparing.
fn likeliest<'a>(word: &str, allowed: &[&'a str]) -> Vec<&'a str> {
    let mut likely = allowed.to_vec();
    if likely.len() > MOST_COMPARED {
        let mut letters = [0_u8; 256];
        word.bytes().for_each(|letter| letters[usize::from(letter)] += 1);
        likely.sort_by_cached_key(|candidate| {
            let mut left = letters;
            let shared = candidate.bytes().filter(|letter| {
                let left = &mut left[usize::from(*letter)];
                let is_shared = *left > 0;
                *left -= u8::from(is_shared);
                is_shared
            });
            std::cmp::Reverse(2000 * shared.count() / (word.len() + candidate.len()).max(1))
        });
        likely.truncate(MOST_COMPARED);
    }
    likely
}

/// `org` for `organisation`: the only word that starts with what was written, of at least three letters.
fn abbreviated<'a>(word: &str, allowed: &[&'a str]) -> Option<&'a str> {
    let mut longer = allowed.iter().filter(|candidate| word.len() >= 3 && candidate.starts_with(word));
    let first = longer.next()?;
    longer.next().is_none().then_some(*first)
}

/// "`a`, `b` or `c`".
pub(crate) fn either<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

/// A finding about a word with what was meant, and that the capitals are what is wrong where they are.
pub(crate) fn without_capitals(finding: Finding, written: &str, meant: &str) -> Finding {
    let finding = finding.label(format!("did you mean `{meant}`?"));
    if written != meant && written.to_lowercase() == meant {
        return finding.why("capitals count, and the words of the language are written in small letters");
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_word_finds_its_neighbour_and_a_strange_one_none() {
        let words = ["storage", "state", "scale", "nights", "organisation", "also-at"];
        assert_eq!(nearest("storge", words), Some("storage"));
        assert_eq!(nearest("Storage", words), Some("storage"));
        assert_eq!(nearest("also_at", words), Some("also-at"));
        assert_eq!(nearest("organization", words), Some("organisation"));
        assert_eq!(nearest("org", words), Some("organisation"));
        assert_eq!(nearest("kubernetes", words), None);
        assert_eq!(nearest(&"a".repeat(100), [&*"a".repeat(100)]), None, "nobody meant that");
        let many: Vec<String> =
            (0..1000).map(|number| format!("word-{number}")).chain(["storage".to_owned()]).collect();
        assert_eq!(nearest("storaeg", many.iter().map(String::as_str)), Some("storage"));
    }

    #[test]
    fn alternatives_read_as_a_sentence() {
        assert_eq!(either(["a"]), "`a`");
        assert_eq!(either(["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
