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

    /// The canonical Kubernetes spelling: `50Gi`, `1500M`, `250m`, `2`; seconds as a plain number.
    pub(crate) fn canonical(self) -> String {
        let binary = [(1_u64 << 40, "Ti"), (1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")];
        let decimal = [(1_000_000_000_000_u64, "T"), (1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")];
        let pick = |units: &[(u64, &str)]| {
            units
                .iter()
                .find(|(factor, _)| self.amount > 0 && self.amount.is_multiple_of(*factor))
                .map(|(factor, suffix)| format!("{}{suffix}", self.amount / factor))
        };
        match self.dimension {
            Dimension::Cpu if self.amount.is_multiple_of(1_000) => (self.amount / 1_000).to_string(),
            Dimension::Cpu => format!("{}m", self.amount),
            Dimension::Size => pick(&binary).or_else(|| pick(&decimal)).unwrap_or_else(|| self.amount.to_string()),
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
    /// As people write it: the largest unit that leaves a whole number, or one decimal.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: &[(&str, &str, u64)] = match self.dimension {
            Dimension::Size => &[
                ("TiB", "TiB", 1 << 40),
                ("GiB", "GiB", 1 << 30),
                ("MiB", "MiB", 1 << 20),
                ("KiB", "KiB", 1 << 10),
                ("byte", "bytes", 1),
            ],
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
        assert_eq!(canonical("0.3", "bytes"), None);
        assert_eq!(canonical("1", "Gio"), None);
    }
}
