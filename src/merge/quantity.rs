//! Quantities as the server stores them.

/// How a quantity was written, which decides how it is written back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    /// `k`, `M`, `m` and so on.
    Decimal,
    /// `Ki`, `Mi` and so on.
    Binary,
    Exponent,
}

/// What the server says of a text that is no quantity.
const FORMAT_WRONG: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const NUMERIC_WRONG: &str = "unable to parse numeric part of quantity";
const SUFFIX_WRONG: &str = "unable to parse quantity's suffix";

/// The largest amount with a binary suffix.
const MAX_BINARY: u128 = (1 << 63) - 1;

/// The most digits of a mantissa.
const MOST_DIGITS: i32 = 39;

const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY: [(&str, i32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

/// An amount: `mantissa` times ten to the `exponent`.
struct Amount {
    negative: bool,
    mantissa: u128,
    exponent: i32,
    format: Format,
    /// Whether the server keeps the spelling that it was given.
    spelling_stays: bool,
}

/// The canonical form of a quantity, as the server stores it: `0.5` is `500m`, `1024Mi` is `1Gi`, `1e3` stays.
///
/// # Errors
/// With the server's words, when it is no quantity.
pub fn canonical_quantity(text: &str) -> Result<String, &'static str> {
    canonical(text, false)
}

/// The canonical form of an amount of a resource (requests, limits, quotas), rounded up to thousandths: `100u` is `1m`.
///
/// # Errors
/// With the server's words, when it is no quantity.
pub(crate) fn canonical_resource_quantity(text: &str) -> Result<String, &'static str> {
    canonical(text, true)
}

fn canonical(text: &str, round_to_milli: bool) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Err(FORMAT_WRONG);
    }
    if text == "0" {
        return Ok(text.to_owned());
    }
    let Some(mut amount) = parse(text)? else { return Ok(text.to_owned()) };
    if round_to_milli && amount.exponent < -3 {
        amount.round_up(-3);
    }
    Ok(if amount.spelling_stays { text.to_owned() } else { amount.print() })
}

/// `None` for numbers beyond 38 digits, which are left as they are.
fn parse(text: &str) -> Result<Option<Amount>, &'static str> {
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let digits = |s: &str| s.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = unsigned.split_at(digits(unsigned));
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    let (base, exponent, format) = suffix_of(suffix)?;
    let significant = match whole.trim_start_matches('0') {
        "" => "0",
        some => some,
    };
    let shifted = format!("{significant}{fraction}");
    if shifted.len() > 38 {
        return Ok(None);
    }
    if whole.is_empty() && fraction.is_empty() && rest.starts_with('.') {
        return Err(NUMERIC_WRONG);
    }
    let value: u128 = shifted.parse().map_err(|_| NUMERIC_WRONG)?;
    let scale = -i32::try_from(fraction.len()).unwrap_or(i32::MAX);
    Ok(if base == 2 {
        binary(negative, value, scale, exponent, &shifted)
    } else {
        Some(decimal(negative, value, scale.saturating_add(exponent), format, &shifted))
    })
}

/// The base, exponent and format of a suffix.
fn suffix_of(suffix: &str) -> Result<(u8, i32, Format), &'static str> {
    let letters = suffix.bytes().take_while(|b| b"eEinumkKMGTP".contains(b)).count();
    let rest = &suffix[letters..];
    let number = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    if !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(FORMAT_WRONG);
    }
    if let Some((_, exponent)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Ok((10, *exponent, Format::Decimal));
    }
    if let Some((_, exponent)) = BINARY.iter().find(|(name, _)| *name == suffix) {
        return Ok((2, *exponent, Format::Binary));
    }
    let exponent = suffix.strip_prefix(['e', 'E']).and_then(|rest| rest.parse().ok()).ok_or(SUFFIX_WRONG)?;
    Ok((10, exponent, Format::Exponent))
}

fn decimal(negative: bool, mantissa: u128, exponent: i32, format: Format, shifted: &str) -> Amount {
    let quick = shifted.len() <= 18 && exponent >= -9;
    let spelling_stays = quick && exponent % 3 == 0 && !shifted.ends_with("000") && !shifted.starts_with('0');
    let mut amount = Amount { negative, mantissa, exponent, format, spelling_stays };
    if exponent < -9 {
        amount.round_up(-9);
    }
    amount
}

fn binary(negative: bool, value: u128, scale: i32, exponent: i32, shifted: &str) -> Option<Amount> {
    let digits = i32::try_from(shifted.len()).unwrap_or(i32::MAX);
    let quick = scale == 0 && 15 - digits - exponent * 3 / 10 > 0;
    let spelling_stays = quick && value & 7 != 0;
    let mantissa = value.checked_mul(1 << exponent)?;
    let mut amount = Amount { negative, mantissa, exponent: scale, format: Format::Binary, spelling_stays };
    if scale < -9 {
        amount.round_up(-9);
    }
    let unit = 10_u128.checked_pow(amount.exponent.unsigned_abs())?;
    if amount.mantissa / unit > MAX_BINARY {
        (amount.mantissa, amount.exponent) = (MAX_BINARY, 0);
    } else if amount.mantissa > 0 && amount.mantissa < unit {
        amount.format = Format::Decimal;
    }
    Some(amount)
}

impl Amount {
    /// Rounds away from zero to a multiple of ten to the `exponent`.
    fn round_up(&mut self, exponent: i32) {
        self.spelling_stays = false;
        // After as many steps as it has digits, a mantissa is one or nothing, and stays so.
        for _ in self.exponent..exponent.min(self.exponent.saturating_add(MOST_DIGITS)) {
            self.mantissa = self.mantissa.div_ceil(10);
        }
        self.exponent = self.exponent.max(exponent);
    }

    fn print(&self) -> String {
        if self.mantissa == 0 {
            return "0".to_owned();
        }
        let sign = if self.negative { "-" } else { "" };
        match self.format {
            Format::Binary => match self.whole().filter(|whole| *whole >= 1024) {
                Some(whole) => print_binary(sign, whole),
                None => self.print_decimal(sign),
            },
            Format::Decimal | Format::Exponent => self.print_decimal(sign),
        }
    }

    /// The amount as a whole number, when it is one.
    fn whole(&self) -> Option<u128> {
        let factor = 10_u128.checked_pow(self.exponent.unsigned_abs())?;
        if self.exponent >= 0 {
            self.mantissa.checked_mul(factor)
        } else {
            self.mantissa.is_multiple_of(factor).then(|| self.mantissa / factor)
        }
    }

    fn print_decimal(&self, sign: &str) -> String {
        let (mut mantissa, mut exponent) = (self.mantissa, self.exponent);
        while mantissa.is_multiple_of(10) {
            mantissa /= 10;
            exponent = exponent.saturating_add(1);
        }
        while exponent % 3 != 0 {
            mantissa = mantissa.saturating_mul(10);
            exponent -= 1;
        }
        let suffix = match self.format {
            Format::Exponent if exponent == 0 => String::new(),
            Format::Exponent => format!("e{exponent}"),
            _ => DECIMAL
                .iter()
                .find(|(_, known)| *known == exponent)
                .map(|(name, _)| (*name).to_owned())
                .unwrap_or_default(),
        };
        format!("{sign}{mantissa}{suffix}")
    }
}

fn print_binary(sign: &str, mut whole: u128) -> String {
    let mut exponent = 0;
    while whole.is_multiple_of(1024) {
        whole /= 1024;
        exponent += 10;
    }
    let suffix = BINARY.iter().find(|(_, known)| *known == exponent).map_or("", |(name, _)| name);
    format!("{sign}{whole}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_become_what_a_server_stores() {
        for (given, stored) in [
            ("0.5", "500m"),
            ("1000m", "1"),
            ("2.0", "2"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("1e3", "1e3"),
            ("1G", "1G"),
            ("0.1Gi", "107374182400m"),
            ("0.5Ki", "512"),
            ("12e6", "12e6"),
            ("1.5Ti", "1536Gi"),
            ("8000m", "8"),
            ("8Gi", "8Gi"),
            ("0", "0"),
            ("0Gi", "0"),
            ("1500m", "1500m"),
            ("1.5", "1500m"),
            ("-0.5", "-500m"),
            ("100u", "100u"),
            ("1000Ki", "1000Ki"),
            ("2048Ki", "2Mi"),
            ("1E", "1E"),
            ("1000k", "1M"),
            ("10e2", "1e3"),
            ("007", "007"),
            ("1.", "1."),
        ] {
            assert_eq!(canonical_quantity(given).as_deref(), Ok(stored), "{given}");
        }
    }

    #[test]
    fn amounts_of_resources_are_rounded_up_to_thousandths() {
        assert_eq!(canonical_resource_quantity("100u").as_deref(), Ok("1m"));
        assert_eq!(canonical_resource_quantity("1001u").as_deref(), Ok("2m"));
        assert_eq!(canonical_resource_quantity("250m").as_deref(), Ok("250m"));
    }

    #[test]
    fn an_exponent_costs_no_more_than_its_digits() {
        for (given, stored) in [
            ("1e-2147483647", "1e-9"),
            ("99999999999999999999999999999999999999e-2147483000", "1e-9"),
            ("1e-9", "1e-9"),
            ("1e2147483647", "10e2147483646"),
            ("0e-2147483647", "0"),
        ] {
            assert_eq!(canonical_quantity(given).as_deref(), Ok(stored), "{given}");
        }
        assert_eq!(canonical_resource_quantity("1e-2147483648").as_deref(), Ok("1e-3"));
        assert_eq!(canonical_quantity("1e2147483648"), Err(SUFFIX_WRONG));
        assert_eq!(canonical_quantity("1e99999999999999999999"), Err(SUFFIX_WRONG));
    }

    #[test]
    fn what_is_no_quantity_is_refused_in_the_servers_words() {
        assert_eq!(canonical_quantity("ten gigs"), Err(FORMAT_WRONG));
        assert_eq!(canonical_quantity(""), Err(FORMAT_WRONG));
        assert_eq!(canonical_quantity("1GiB"), Err(FORMAT_WRONG));
        assert_eq!(canonical_quantity("1Kk"), Err(SUFFIX_WRONG));
    }
}
