//! The types of arguments and properties, and what is said where a value does not fit.

mod amount;
mod form;
mod host;

use crate::finding::{Applicability, Code, Finding};
use crate::name::Name;
use crate::quantity::Dimension;
use crate::schema::suggest::{either, nearest};
use crate::source::Span;
use crate::syntax::{Scalar, Value};

pub(crate) use amount::amount;
pub(crate) use form::plain_uid;
pub(crate) use host::{domain_error, is_email, is_local};

/// A value of the wrong kind: a number where a word is wanted.
pub(crate) const WRONG_TYPE: Code = Code::new("E0201");
/// None of the words allowed there.
pub(crate) const NOT_AN_OPTION: Code = Code::new("E0202");
/// An amount without its unit, with an unknown one, or one of another dimension.
pub(crate) const BAD_AMOUNT: Code = Code::new("E0203");
/// A text that does not have the form of what it should be: an address, a host, a time.
pub(crate) const MALFORMED: Code = Code::new("E0204");
/// A value outside its range or pattern.
pub(crate) const OUT_OF_RANGE: Code = Code::new("E0205");
/// A text that is no name.
pub(crate) const BAD_NAME: Code = Code::new("E0206");

/// The fewest digits that name a commit: fewer could come to name two.
pub(crate) const SHORTEST_COMMIT: usize = 12;

/// Whether a finding is about a value that does not fit its setting.
pub(crate) fn is_of_value(finding: &Finding) -> bool {
    [WRONG_TYPE, NOT_AN_OPTION, BAD_AMOUNT, MALFORMED, OUT_OF_RANGE, BAD_NAME].contains(&finding.code)
}

/// The type of an argument or a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ScalarType {
    /// Any text of one line; numbers are taken as they are spelled.
    Text,
    /// A text of several lines.
    Lines,
    /// A word: letters, digits, hyphens, dots and underscores.
    Word,
    Name,
    /// A whole number, never negative.
    Integer,
    /// A whole number of things of which there is at least one.
    Count,
    /// A port of TCP or UDP.
    Port,
    /// A whole number from 0 to 100.
    Percent,
    Number,
    /// `on` or `off`.
    OnOff,
    /// One of these words.
    Choice(Vec<String>),
    /// An amount in two arguments: number and unit.
    Amount(Dimension),
    Time,
    /// `"2026-12-01"` or `"2026-12-01T08:00"`.
    Date,
    /// An IANA zone.
    Timezone,
    /// A BCP 47 tag.
    Locale,
    /// A host name.
    Domain,
    /// A mail address.
    Email,
    /// A mail address of somebody whom people write to: no program sends by it.
    Contact,
    /// An absolute http or https address.
    Url,
    /// An IP address, or a range of them.
    Range,
    /// The id of a commit, whole or its beginning.
    Commit,
    /// The uid of an object, as API servers write it.
    Uid,
    /// A template of a definition: any scalar, may hold `${…}`.
    Template,
    Any,
}

impl ScalarType {
    /// The type of a word of the schema vocabulary; `choice` is none, it needs its options.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "text" => Self::Text,
            "lines" => Self::Lines,
            "word" => Self::Word,
            "name" => Self::Name,
            "integer" => Self::Integer,
            "count" => Self::Count,
            "port" => Self::Port,
            "percent" => Self::Percent,
            "number" => Self::Number,
            "on-off" => Self::OnOff,
            "size" => Self::Amount(Dimension::Size),
            "cpu" => Self::Amount(Dimension::Cpu),
            "duration" => Self::Amount(Dimension::Duration),
            "time" => Self::Time,
            "date" => Self::Date,
            "timezone" => Self::Timezone,
            "locale" => Self::Locale,
            "domain" => Self::Domain,
            "email" => Self::Email,
            "contact" => Self::Contact,
            "url" => Self::Url,
            "range" => Self::Range,
            "commit" => Self::Commit,
            "uid" => Self::Uid,
            "template" => Self::Template,
            "any" => Self::Any,
            _ => return None,
        })
    }

    /// What it is, with its article: "a host name such as `cloud.example.org`".
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Text | Self::Template => "a text".into(),
            Self::Lines => "a text of several lines".into(),
            Self::Word => "a word".into(),
            Self::Name => "a name such as `cloud`".into(),
            Self::Integer => "a whole number".into(),
            Self::Count => "a whole number from 1 to 100".into(),
            Self::Port => "a port from 1 to 65535".into(),
            Self::Percent => "a whole number from 0 to 100".into(),
            Self::Number => "a number".into(),
            Self::OnOff => "`on` or `off`".into(),
            Self::Choice(options) => either(options.iter().map(String::as_str)),
            Self::Amount(Dimension::Size) => "an amount such as `50 GiB`".into(),
            Self::Amount(Dimension::Cpu) => "an amount such as `500 millicores` or `2 cores`".into(),
            Self::Amount(Dimension::Duration) => "a time such as `90 days`".into(),
            Self::Time => "a time of day such as `\"22:00\"`".into(),
            Self::Date => "a date such as `\"2026-12-01\"` or `\"2026-12-01T08:00\"`".into(),
            Self::Timezone => "a time zone such as `\"Europe/Paris\"`".into(),
            Self::Locale => "a language such as `fr` or `fr-FR`".into(),
            Self::Domain => "a host name such as `cloud.example.org`".into(),
            Self::Email | Self::Contact => "a mail address such as `ada@example.org`".into(),
            Self::Url => "an address such as `\"https://example.org\"`".into(),
            Self::Range => "an IP address or a range such as `\"203.0.113.0/24\"`".into(),
            Self::Commit => {
                format!("a commit: at least {SHORTEST_COMMIT} hexadecimal digits of its id, such as `4f2a91c0d3be`")
            }
            Self::Uid => "a uid such as `\"5c0f6f5e-7f59-4f3e-9a51-3f9f0a1f6a11\"`".into(),
            Self::Any => "a value".into(),
        }
    }

    /// How many arguments it takes: two for an amount, otherwise one.
    pub(crate) fn width(&self) -> usize {
        if matches!(self, Self::Amount(_)) { 2 } else { 1 }
    }
}

/// The finding about one value that should be of `kind`, or none where it is.
///
/// `subject` is what holds it, in backticks where it is a word of the garden: "`timezone`".
/// Amounts take two arguments and have [`amount`] instead; here their number alone is a finding.
pub(crate) fn mismatch(kind: &ScalarType, subject: &str, value: &Value) -> Option<Finding> {
    match kind {
        ScalarType::Amount(dimension) => return amount(*dimension, subject, value, None).err().map(|finding| *finding),
        ScalarType::Any => return None,
        _ => {}
    }
    if matches!(value.scalar, Scalar::Bool(_) | Scalar::Null) {
        return Some(keyword(kind, subject, value));
    }
    match kind {
        ScalarType::Integer | ScalarType::Count | ScalarType::Port | ScalarType::Percent | ScalarType::Number => {
            number(kind, subject, value)
        }
        ScalarType::OnOff => option(&["on", "off"], subject, value),
        ScalarType::Choice(options) => {
            let words: Vec<&str> = options.iter().map(String::as_str).collect();
            option(&words, subject, value)
        }
        ScalarType::Name => bad_name(subject, value),
        _ => form::mismatch(kind, subject, value),
    }
}

/// `#true`, `#false` and `#null` are nowhere in the language.
fn keyword(kind: &ScalarType, subject: &str, value: &Value) -> Finding {
    let written = match value.scalar {
        Scalar::Bool(true) => "#true",
        Scalar::Bool(false) => "#false",
        _ => "#null",
    };
    let finding = Finding::error(
        WRONG_TYPE,
        format!("{subject} wants {}, but `{written}` is written there", kind.describe()),
        value.span,
    )
    .why("a garden says things in words: there are no `#true`, `#false` and `#null`");
    match (kind, &value.scalar) {
        (ScalarType::OnOff, Scalar::Bool(on)) => {
            let word = if *on { "on" } else { "off" };
            finding.help(format!("write `{word}`")).fix(
                Applicability::Safe,
                format!("write `{word}`"),
                value.span,
                word,
            )
        }
        (ScalarType::OnOff, _) => finding.help("write `on` or `off`; where neither is meant, take the line away"),
        (ScalarType::Text | ScalarType::Lines | ScalarType::Template, Scalar::Bool(on)) => finding
            .help(format!("where the text is that word, it stands in quotes: `\"{on}\"`"))
            .fix(Applicability::Guess, format!("write `\"{on}\"`"), value.span, format!("\"{on}\"")),
        (_, Scalar::Null) => {
            finding.help(format!("write {}; where nothing is meant, take the line away", kind.describe()))
        }
        _ => finding.help(format!("write {}", kind.describe())),
    }
}

fn number(kind: &ScalarType, subject: &str, value: &Value) -> Option<Finding> {
    let title = |found: &str| format!("{subject} wants {}, but {found} is written there", kind.describe());
    match (kind, &value.scalar) {
        (ScalarType::Integer, Scalar::Integer(number)) if *number >= 0 && i64::try_from(*number).is_ok() => None,
        (ScalarType::Count, Scalar::Integer(1..=100)) | (ScalarType::Port, Scalar::Integer(1..=65_535)) => None,
        (ScalarType::Percent, Scalar::Integer(0..=100)) | (ScalarType::Number, Scalar::Integer(_)) => None,
        (ScalarType::Number, Scalar::Float(number)) if number.is_finite() => None,
        (_, Scalar::Integer(_)) => Some(Finding::error(OUT_OF_RANGE, title(&format!("`{}`", value.text)), value.span)),
        (_, Scalar::Text) if value.quoted && value.text.parse::<u64>().is_ok() => {
            let finding = Finding::error(WRONG_TYPE, title("a quoted text"), value.span);
            Some(finding.help(format!("write `{}` without quotes", value.text)).fix(
                Applicability::Safe,
                "take the quotes off",
                value.span,
                value.text.clone(),
            ))
        }
        _ => {
            let finding = Finding::error(WRONG_TYPE, title(&format!("`{}`", value.text)), value.span);
            Some(finding.help("write it in digits, such as `3`"))
        }
    }
}

fn option(options: &[&str], subject: &str, value: &Value) -> Option<Finding> {
    if options.contains(&value.text.as_str()) {
        return None;
    }
    let finding = Finding::error(NOT_AN_OPTION, format!("{subject} cannot be `{}`", value.text), value.span);
    if let Some(word) = options.iter().find(|option| **option == value.text.to_lowercase()) {
        return Some(in_small_letters(finding, value.span, word));
    }
    let meant = synonym(options, &value.text).or_else(|| nearest(&value.text, options.iter().copied()));
    let finding = match meant {
        Some(word) => finding.label(format!("did you mean `{word}`?")).fix(
            Applicability::Guess,
            format!("write `{word}`"),
            value.span,
            word,
        ),
        None => finding,
    };
    Some(finding.help(format!("it is one of {}", either(options.iter().copied()))))
}

/// The finding about a word of which only the capitals are wrong.
fn in_small_letters(finding: Finding, place: Span, word: &str) -> Finding {
    finding.why("capitals count, and this word is written in small letters").fix(
        Applicability::Safe,
        format!("write `{word}`"),
        place,
        word,
    )
}

/// What people write for `on` and `off` elsewhere.
fn synonym<'a>(options: &[&'a str], written: &str) -> Option<&'a str> {
    let meant = match written.to_lowercase().as_str() {
        "yes" | "true" | "enabled" | "1" => "on",
        "no" | "false" | "disabled" | "0" => "off",
        _ => return None,
    };
    options.iter().find(|option| **option == meant).copied()
}

fn bad_name(subject: &str, value: &Value) -> Option<Finding> {
    let error = Name::new(&value.text).err()?;
    let mended = mended_name(&value.text);
    let small = value.text.to_lowercase();
    if mended.as_ref() == Some(&small) {
        let title = format!("{subject} cannot be `{}`: names have no capitals", value.text);
        let finding = Finding::error(BAD_NAME, title, value.span)
            .why("names become names in the cluster and parts of hosts, which know small letters only")
            .fix(Applicability::Guess, format!("write `{small}`"), value.span, quoted_where_needed(&small));
        return Some(finding.help("write it so wherever it is named"));
    }
    let finding = Finding::error(BAD_NAME, format!("{subject} cannot be `{}`: {error}", value.text), value.span)
        .why("names become names in the cluster and parts of hosts, so they keep to what both allow");
    Some(match mended {
        Some(name) => finding.help(format!("for example `{name}`")).fix(
            Applicability::Guess,
            format!("call it `{name}`"),
            value.span,
            quoted_where_needed(&name),
        ),
        None => finding.help("write 1 to 63 of a to z, 0 to 9 and single hyphens inside, such as `les-communs`"),
    })
}

/// The nearest text that is a name, if any is left of it.
fn mended_name(text: &str) -> Option<String> {
    let mut name = String::new();
    for letter in text.to_lowercase().chars() {
        match plain(letter) {
            Some(letter) => name.push(letter),
            None if !name.is_empty() && !name.ends_with('-') => name.push('-'),
            None => {}
        }
    }
    name.truncate(63);
    let name = name.trim_matches('-').to_owned();
    Name::new(&name).is_ok().then_some(name)
}

/// Letters as names spell them: accents of French and its neighbours fall off.
fn plain(letter: char) -> Option<char> {
    Some(match letter {
        'a'..='z' | '0'..='9' => letter,
        'à' | 'á' | 'â' | 'ä' => 'a',
        'ç' => 'c',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'î' | 'ï' | 'í' => 'i',
        'ô' | 'ö' | 'ó' => 'o',
        'ù' | 'û' | 'ü' | 'ú' => 'u',
        _ => return None,
    })
}

/// A bare word, or the same in quotes where KDL would read something else.
pub(crate) fn quoted_where_needed(text: &str) -> String {
    let bare = text.starts_with(|first: char| first.is_alphabetic())
        && text.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.' | '@'))
        && !matches!(text, "true" | "false" | "null" | "inf" | "nan");
    if bare { text.to_owned() } else { format!("{text:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::Quantity;
    use crate::source::{FileId, Span};

    fn text(text: &str) -> Value {
        Value { scalar: Scalar::Text, text: text.into(), quoted: true, span: Span::new(FileId(0), 0..text.len()) }
    }

    fn integer(number: i128) -> Value {
        Value { scalar: Scalar::Integer(number), text: number.to_string(), quoted: false, ..text("1") }
    }

    #[test]
    fn each_type_takes_what_it_describes() {
        let fits = |word: &str, value: &Value| {
            let kind = ScalarType::parse(word).expect("a type of the vocabulary");
            mismatch(&kind, "`x`", value).is_none()
        };
        for (kind, good, bad) in [
            ("word", "calendar", "two words"),
            ("name", "les-communs", "Les Communs"),
            ("time", "22:00", "22h"),
            ("date", "2026-12-01T08:00", "01/12/2026"),
            ("date", "2026-12-01", "2026-13-01"),
            ("timezone", "Europe/Paris", "Europe/Pariss"),
            ("locale", "fr-FR", "French"),
            ("domain", "cloud.example.org", "https://cloud.example.org"),
            ("email", "ada@example.org", "ada at example.org"),
            ("email", "ada.l+b-c_d@example.org", "a%other.example@example.org"),
            ("email", "a@example.org", "a!b@example.org"),
            ("email", "a@example.org", "\"a b\"@example.org"),
            ("email", "a@example.org", "@a.example,@b.example:c@example.org"),
            ("email", "a@example.org", "a@other.example@example.org"),
            ("email", "a@example.org", "a..b@example.org"),
            ("email", "a@example.org", "é@example.org"),
            ("email", "jean.ormesson@example.org", "jean.d'ormesson@example.org"),
            ("contact", "jean.d'ormesson@example.org", "a!b@example.org"),
            ("url", "https://example.org/a?b", "example.org"),
            ("range", "203.0.113.0/24", "203.0.113.0/33"),
            ("range", "2001:db8::1", "203.0.113"),
            ("range", "10.0.0.0/8", "0.0.0.0/0"),
            ("range", "0.0.0.0/8", "0.0.0.0/1"),
            ("range", "203.0.113.0/28", "::ffff:203.0.113.0/124"),
            ("commit", "4f2a91c0d3be", "4f2a91c0d3b"),
            ("commit", "0123456789012345678901234567890123456789", "main"),
            ("on-off", "on", "yes"),
        ] {
            assert!(fits(kind, &text(good)), "{kind} takes {good}");
            assert!(!fits(kind, &text(bad)), "{kind} refuses {bad}");
        }
        assert!(fits("integer", &integer(3)) && !fits("integer", &integer(-3)));
        assert!(fits("percent", &integer(100)) && !fits("percent", &integer(101)));
        for control in ["a\nb", "a\r\nBcc: b", "a\tb", "a\u{0}", "a\u{85}b", "a\u{2028}b", "a\u{9b}b"] {
            assert!(!fits("text", &text(control)), "{control:?}");
        }
        assert!(
            fits("lines", &text("a\n\tb")) && !fits("lines", &text("a\r\nb")) && !fits("lines", &text("a\u{1b}[0m"))
        );
        assert!(fits("text", &integer(42)), "numbers are texts as they are spelled");
    }

    #[test]
    fn a_host_with_its_scheme_is_mended() {
        let finding = mismatch(&ScalarType::Domain, "`at`", &text("https://Cloud.example.org/")).expect("a finding");
        assert_eq!(finding.code, MALFORMED);
        assert_eq!(finding.fixes[0].edits[0].replacement, "cloud.example.org");
    }

    #[test]
    fn a_name_with_accents_gets_a_name_without() {
        let finding = mismatch(&ScalarType::Name, "an organisation", &text("Faire École")).expect("a finding");
        assert_eq!(finding.help, ["for example `faire-ecole`"]);
    }

    #[test]
    fn amounts_say_which_unit_was_meant() {
        let unit = |word: &str| amount(Dimension::Size, "`storage`", &integer(50), Some(&text(word)));
        assert_eq!(unit("GiB").map(Quantity::canonical).ok().as_deref(), Some("50Gi"));
        assert_eq!(unit("Gio").expect_err("no unit").primary.text, "did you mean `GiB`?");
        assert_eq!(unit("days").expect_err("other dimension").code, BAD_AMOUNT);
        let glued = amount(Dimension::Size, "`storage`", &text("50Gi"), None).expect_err("glued");
        assert_eq!(glued.help, ["write `50 GiB`"]);
    }
}
