//! Amounts with their units, as people write them (`50 GiB`) and as Kubernetes stores them (`50Gi`).

use std::fmt;

/// What an amount measures. Each dimension has one base unit in which amounts are whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dimension {
    /// Bytes, as in `20 GiB`.
    Size,
    /// Thousandths of a processor, as in `500 m`.
    Cpu,
    /// Seconds, as in `30 days`.
    Duration,
}

/// A whole number of a dimension's base unit, never negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Quantity {
    /// What it measures.
    pub dimension: Dimension,
    /// Bytes, millicores or seconds.
    pub amount: u64,
}

/// Every unit word: word, dimension, base units in one.
pub(crate) const UNITS: &[(&str, Dimension, u64)] = &[
    ("byte", Dimension::Size, 1),
    ("bytes", Dimension::Size, 1),
    ("KiB", Dimension::Size, 1 << 10),
    ("MiB", Dimension::Size, 1 << 20),
    ("GiB", Dimension::Size, 1 << 30),
    ("TiB", Dimension::Size, 1 << 40),
    ("kB", Dimension::Size, 1_000),
    ("MB", Dimension::Size, 1_000_000),
    ("GB", Dimension::Size, 1_000_000_000),
    ("TB", Dimension::Size, 1_000_000_000_000),
    ("millicores", Dimension::Cpu, 1),
    ("core", Dimension::Cpu, 1_000),
    ("cores", Dimension::Cpu, 1_000),
    ("second", Dimension::Duration, 1),
    ("seconds", Dimension::Duration, 1),
    ("minute", Dimension::Duration, 60),
    ("minutes", Dimension::Duration, 60),
    ("hour", Dimension::Duration, 3_600),
    ("hours", Dimension::Duration, 3_600),
    ("day", Dimension::Duration, 86_400),
    ("days", Dimension::Duration, 86_400),
    ("week", Dimension::Duration, 604_800),
    ("weeks", Dimension::Duration, 604_800),
];

/// The dimension and factor of a unit word.
pub(crate) fn unit(word: &str) -> Option<(Dimension, u64)> {
    UNITS.iter().find(|(name, _, _)| *name == word).map(|(_, dimension, factor)| (*dimension, *factor))
}

impl Quantity {
    /// `number` (a decimal, as spelled: `50`, `1.5`) of `unit`; `None` where either is unknown, the amount
    /// is no whole number of base units, or it exceeds 2^63.
    pub fn parse(number: &str, unit_word: &str) -> Option<Self> {
        let (dimension, factor) = unit(unit_word)?;
        let number = number.replace('_', "");
        let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
        if whole.is_empty()
            || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit())
            || fraction.len() > 9
        {
            return None;
        }
        let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
        let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
        let scaled = digits.checked_mul(u128::from(factor))?;
        let amount = scaled.is_multiple_of(scale).then_some(scaled / scale)?;
        (amount <= 1 << 63).then_some(Self { dimension, amount: u64::try_from(amount).ok()? })
    }

    /// The Kubernetes spelling with the fewest digits: `50Gi`, `120G`, `1500M`, `250m`, `2`; seconds as a plain number.
    pub(crate) fn canonical(self) -> String {
        let binary = [(1_u64 << 40, "Ti"), (1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")];
        let decimal = [(1_000_000_000_000_u64, "T"), (1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")];
        let pick = |units: [(u64, &'static str); 4]| {
            let whole = units.into_iter().find(|(factor, _)| self.amount > 0 && self.amount.is_multiple_of(*factor));
            whole.map(|(factor, suffix)| (self.amount / factor, suffix))
        };
        match self.dimension {
            Dimension::Cpu if self.amount.is_multiple_of(1_000) => (self.amount / 1_000).to_string(),
            Dimension::Cpu => format!("{}m", self.amount),
            Dimension::Size => {
                let shortest = [pick(binary), pick(decimal)].into_iter().flatten().min_by_key(|(number, _)| *number);
                shortest.map_or_else(|| self.amount.to_string(), |(number, suffix)| format!("{number}{suffix}"))
            }
            Dimension::Duration => self.amount.to_string(),
        }
    }

    /// The same dimension, `factor` times as much; stays at the largest amount where it would overflow.
    #[must_use]
    pub(crate) fn times(self, factor: u64) -> Self {
        Self { amount: self.amount.saturating_mul(factor), ..self }
    }
}

impl fmt::Display for Quantity {
    /// As people write it: in the unit that takes the fewest digits.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: &[(&str, &str, u64)] = match self.dimension {
            Dimension::Size => return formatter.write_str(&size(self.amount)),
            Dimension::Cpu => &[("core", "cores", 1_000), ("millicores", "millicores", 1)],
            Dimension::Duration => &[
                ("day", "days", 86_400),
                ("hour", "hours", 3_600),
                ("minute", "minutes", 60),
                ("second", "seconds", 1),
            ],
        };
        let (one, many, factor) = words
            .iter()
            .find(|(_, _, factor)| self.amount > 0 && self.amount.is_multiple_of(*factor))
            .unwrap_or(&words[words.len() - 1]);
        let amount = self.amount / factor;
        write!(formatter, "{amount} {}", if amount == 1 { one } else { many })
    }
}

/// The most characters of a number that people write: what is longer is a sum, and is told with two decimals.
const LONGEST_NUMBER: usize = 5;

/// A size in words: `120 GB`, `1.5 GiB`, `about 121.76 GiB`.
fn size(amount: u64) -> String {
    let units = UNITS.iter().filter(|(_, dimension, factor)| *dimension == Dimension::Size && *factor > 1);
    let mut spelled: Vec<(usize, String)> = Vec::new();
    for (word, _, factor) in units.filter(|(_, _, factor)| amount >= *factor) {
        if let Some(number) = exactly(amount, *factor) {
            spelled.push((number.len(), format!("{number} {word}")));
        }
    }
    // Of equally long ones the largest unit, which stands last; the binary ones stand first and are the usual ones.
    let largest = |word: &str| unit(word.rsplit(' ').next().unwrap_or_default()).map_or(0, |(_, factor)| factor);
    let best = spelled.into_iter().min_by_key(|(length, text)| (*length, u64::MAX - largest(text)));
    match best {
        Some((length, text)) if length <= LONGEST_NUMBER => text,
        _ if amount == 1 => "1 byte".to_owned(),
        _ if amount < 10_000 => format!("{amount} bytes"),
        _ => about(amount),
    }
}

/// A number of units with at most two decimals, where that is exact.
fn exactly(amount: u64, factor: u64) -> Option<String> {
    let hundredths = u128::from(amount) * 100;
    let number = hundredths.is_multiple_of(u128::from(factor)).then(|| hundredths / u128::from(factor))?;
    let (whole, rest) = (number / 100, number % 100);
    Some(match rest {
        0 => whole.to_string(),
        rest if rest.is_multiple_of(10) => format!("{whole}.{}", rest / 10),
        rest => format!("{whole}.{rest:02}"),
    })
}

fn about(amount: u64) -> String {
    let binary = [(1_u64 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let (factor, word) = binary.into_iter().find(|(factor, _)| amount >= *factor).unwrap_or((1 << 10, "KiB"));
    // Rounded up: what is over a limit by a little still reads as more.
    let hundredths = (u128::from(amount) * 100).div_ceil(u128::from(factor));
    format!("about {}.{:02} {word}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_forms_are_those_the_api_server_stores() {
        let canonical = |number, unit| Quantity::parse(number, unit).map(Quantity::canonical);
        assert_eq!(canonical("50", "GiB").as_deref(), Some("50Gi"));
        assert_eq!(canonical("1.5", "GiB").as_deref(), Some("1536Mi"));
        assert_eq!(canonical("1024", "MiB").as_deref(), Some("1Gi"));
        assert_eq!(canonical("500", "millicores").as_deref(), Some("500m"));
        assert_eq!(canonical("0.5", "cores").as_deref(), Some("500m"));
        assert_eq!(canonical("2", "cores").as_deref(), Some("2"));
        assert_eq!(canonical("12", "MB").as_deref(), Some("12M"));
        assert_eq!(canonical("120", "GB").as_deref(), Some("120G"));
        assert_eq!(canonical("1", "TB").as_deref(), Some("1T"));
        assert_eq!(canonical("1000", "GiB").as_deref(), Some("1000Gi"));
        assert_eq!(canonical("0.3", "bytes"), None);
        assert_eq!(canonical("1", "Gio"), None);
    }

    #[test]
    fn amounts_are_said_as_people_write_them() {
        for (number, unit, said) in [
            ("120", "GB", "120 GB"),
            ("1.5", "TB", "1.5 TB"),
            ("50", "GiB", "50 GiB"),
            ("1000", "GiB", "1000 GiB"),
            ("1024", "GiB", "1 TiB"),
            ("1.5", "GiB", "1.5 GiB"),
            ("1536", "MiB", "1.5 GiB"),
            ("512", "MiB", "512 MiB"),
            ("500", "kB", "500 kB"),
            ("1", "byte", "1 byte"),
            ("0", "bytes", "0 bytes"),
            ("1000", "bytes", "1 kB"),
            ("90", "minutes", "90 minutes"),
            ("1500", "millicores", "1500 millicores"),
        ] {
            assert_eq!(Quantity::parse(number, unit).unwrap().to_string(), said, "{number} {unit}");
        }
        let sum = Quantity { dimension: Dimension::Size, amount: 120_000_000_000 + (10 << 30) };
        assert_eq!(sum.to_string(), "about 121.76 GiB");
    }
}
