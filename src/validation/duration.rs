//! Durations, as Go's `time.ParseDuration` reads them.

/// What each unit is in nanoseconds.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads `1h30m` in nanoseconds; what is wrong with it where it is none.
pub(super) fn nanoseconds(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut sum: i64 = 0;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = after.strip_prefix('.').map_or(("", after), digits);
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let end = after.find(|letter: char| letter == '.' || letter.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {text:?}"));
        }
        let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(format!("time: unknown unit {unit:?} in duration {text:?}"));
        };
        let amount = amount(whole, fraction, *factor).and_then(|amount| sum.checked_add(amount));
        sum = amount.ok_or_else(invalid)?;
        rest = after;
    }
    Ok(if negative { -sum } else { sum })
}

/// The digits at the beginning, and what follows.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len()))
}

/// A number times its unit; none where it is over what fits. More decimals than the unit has count for nothing.
fn amount(whole: &str, fraction: &str, factor: u64) -> Option<i64> {
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut part = u128::from(factor);
    let mut below: u128 = 0;
    let mut scale: u128 = 1;
    for digit in fraction.bytes().take(15) {
        scale *= 10;
        below = below * 10 + u128::from(digit - b'0');
    }
    part = part * below / scale;
    let amount = u128::from(whole) * u128::from(factor) + part;
    i64::try_from(amount).ok()
}

#[cfg(test)]
mod tests {
    use super::nanoseconds;

    #[test]
    fn durations_are_read_as_by_go() {
        for (text, expected) in [
            ("0", 0),
            ("5s", 5_000_000_000),
            ("-5s", -5_000_000_000),
            ("+5s", 5_000_000_000),
            ("5.6s", 5_600_000_000),
            ("5.s", 5_000_000_000),
            (".5s", 500_000_000),
            ("1.0040s", 1_004_000_000),
            ("100.00100s", 100_001_000_000),
            ("12µs", 12_000),
            ("12μs", 12_000),
            ("3h30m", 12_600_000_000_000),
            ("39h9m14.425s", 140_954_425_000_000),
            ("9223372036854775807ns", i64::MAX),
            ("0.9223372036854775807h", 3_320_413_933_267),
        ] {
            assert_eq!(nanoseconds(text), Ok(expected), "{text}");
        }
        for text in ["", "-", "s", ".", "-.", ".s", "+.s", " 1s", "--1s", "9223372036854775808ns", "3000000h"] {
            assert_eq!(nanoseconds(text), Err(format!("time: invalid duration {text:?}")), "{text}");
        }
    }
}
