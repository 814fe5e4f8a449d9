//! What a run without blanks is: a word, a number, a keyword, or one of the things people type that KDL refuses.

use crate::finding::Applicability;
use crate::quantity;

/// What a run of characters is to KDL, or what it was meant as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word<'a> {
    /// A word that KDL reads as text.
    Plain,
    Number,
    /// A number too large to be kept exactly.
    HugeNumber,
    /// `#true`, `#false` or `#null`.
    Keyword,
    /// `#inf`, `#-inf` or `#nan`: no value of a garden.
    NotANumber,
    /// `true`, `false`, `null` and the like, which KDL reserves.
    Reserved,
    /// A number with its unit glued to it.
    Glued {
        number: &'a str,
        unit: &'static str,
        applicability: Applicability,
    },
    /// It starts as a number and goes on as something else: `22:00`, `350.org`.
    NumberLike,
    /// It holds a character that stands in no bare word.
    Illegal(char),
}

/// Classifies a run.
pub(super) fn classify(text: &str) -> Word<'_> {
    match text {
        "#true" | "#false" | "#null" => return Word::Keyword,
        "#inf" | "#-inf" | "#nan" => return Word::NotANumber,
        "true" | "false" | "null" | "inf" | "-inf" | "nan" => return Word::Reserved,
        _ => {}
    }
    if starts_as_number(text) {
        return number(text);
    }
    match text.chars().find(|character| matches!(character, '\\' | '/' | '[' | ']' | '#' | '{' | '}' | '"')) {
        Some(character) => Word::Illegal(character),
        None => Word::Plain,
    }
}

/// Whether KDL reads `text` as a word when it stands without quotes.
pub(super) fn is_plain(text: &str) -> bool {
    let ends = |character: char| {
        matches!(character, '(' | ')' | ';' | '=') || character.is_whitespace() || character.is_control()
    };
    !text.is_empty() && classify(text) == Word::Plain && !text.contains(ends)
}

fn starts_as_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    unsigned.strip_prefix('.').unwrap_or(unsigned).starts_with(|first: char| first.is_ascii_digit())
}

fn number(text: &str) -> Word<'_> {
    if is_number(text) {
        return if is_huge(text) { Word::HugeNumber } else { Word::Number };
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    match unit_meant(suffix) {
        Some((unit, applicability)) if is_number(number) => Word::Glued { number, unit, applicability },
        _ => Word::NumberLike,
    }
}

/// Whether `text` is a number by the grammar of KDL 2.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = |text: &str, radix: u32| {
        text.starts_with(|c: char| c.is_digit(radix)) && text.chars().all(|c| c.is_digit(radix) || c == '_')
    };
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(rest) = unsigned.strip_prefix(prefix) {
            return digits(rest, radix);
        }
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let exponent = exponent.map(|text| text.strip_prefix(['+', '-']).unwrap_or(text));
    digits(whole, 10) && fraction.is_none_or(|text| digits(text, 10)) && exponent.is_none_or(|text| digits(text, 10))
}

/// Whether the number does not fit what values are kept in.
fn is_huge(text: &str) -> bool {
    let plain = text.replace('_', "");
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = unsigned.strip_prefix(prefix) {
            return i128::from_str_radix(digits, radix).is_err();
        }
    }
    if unsigned.contains(['.', 'e', 'E']) {
        return !unsigned.parse::<f64>().is_ok_and(f64::is_finite);
    }
    unsigned.parse::<i128>().is_err()
}

/// Unit words that people bring from elsewhere, and ours.
const BROUGHT: &[(&[&str], &str)] = &[
    (&["Ki", "Kio", "kio"], "KiB"),
    (&["Mi", "Mio", "mio"], "MiB"),
    (&["Gi", "Gio", "gio"], "GiB"),
    (&["Ti", "Tio", "tio"], "TiB"),
    (&["k", "K", "KB", "ko", "Ko"], "kB"),
    (&["M", "Mo", "mo"], "MB"),
    (&["G", "Go", "go"], "GB"),
    (&["T", "To", "to"], "TB"),
    (&["B", "o"], "bytes"),
    (&["millicore", "mcpu", "mCPU"], "millicores"),
    (&["cpu", "cpus", "CPU"], "cores"),
    (&["s", "sec", "secs"], "seconds"),
    (&["min", "mins", "mn"], "minutes"),
    (&["h", "hr", "hrs"], "hours"),
    (&["d", "j"], "days"),
    (&["w"], "weeks"),
];

/// The unit word of ours that `suffix` stands for.
pub(super) fn unit_meant(suffix: &str) -> Option<(&'static str, Applicability)> {
    let exact = quantity::UNITS.iter().map(|(word, _, _)| *word).find(|word| *word == suffix);
    let brought = || BROUGHT.iter().find(|(words, _)| words.contains(&suffix)).map(|(_, unit)| *unit);
    if let Some(unit) = exact.or_else(brought) {
        let sure = suffix.len() > 1 || matches!(suffix, "h" | "d" | "s");
        return Some((unit, if sure { Applicability::Safe } else { Applicability::Guess }));
    }
    if suffix == "m" {
        return Some(("minutes", Applicability::Guess));
    }
    let loose = quantity::UNITS.iter().map(|(word, _, _)| *word).find(|word| word.eq_ignore_ascii_case(suffix));
    loose.map(|unit| (unit, Applicability::Guess))
}

/// The unit word for people: one of it or several.
pub(super) fn unit_for(number: &str, unit: &'static str) -> &'static str {
    match (number == "1", unit) {
        (true, "cores") => "core",
        (true, "seconds") => "second",
        (true, "minutes") => "minute",
        (true, "hours") => "hour",
        (true, "days") => "day",
        (true, "weeks") => "week",
        (true, "bytes") => "byte",
        _ => unit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_grammar() {
        for text in ["0", "-1", "+1.5", "1_000", "0x1F", "0b1_0", "1e3", "1.5E-3", "1_"] {
            assert_eq!(classify(text), Word::Number, "{text}");
        }
        for text in ["1.", ".5", "1.2.3", "22:00", "350.org", "2026-assises", "0xg", "1e", "+-1x"] {
            assert_ne!(classify(text), Word::Number, "{text}");
        }
    }

    #[test]
    fn a_glued_unit_is_recognised_in_what_people_bring_along() {
        let unit = |text| match classify(text) {
            Word::Glued { number, unit, .. } => Some((number, unit)),
            _ => None,
        };
        assert_eq!(unit("50GiB"), Some(("50", "GiB")));
        assert_eq!(unit("50Gi"), Some(("50", "GiB")));
        assert_eq!(unit("50Go"), Some(("50", "GB")));
        assert_eq!(unit("1.5h"), Some(("1.5", "hours")));
        assert_eq!(unit("350.org"), None);
        assert_eq!(unit("2026-assises"), None);
    }

    #[test]
    fn words_are_plain_where_kdl_reads_them_bare() {
        for text in ["a", "a.b", "pierre@x.example", "<a>", "-", "--", ".a", "é", "on,off", "a:b"] {
            assert!(is_plain(text), "{text}");
        }
        for text in ["", "a b", "1a", "true", "a/b", "a=b", "a#b", "[a]", "-1", ".1"] {
            assert!(!is_plain(text), "{text}");
        }
    }
}
