//! Types of single arguments, and the numbers that they spell.

use crate::model::definition::SettingType;
use crate::quantity::Dimension;
use crate::schema::scalar::ScalarType;

/// The type of one argument, as the schemas of the language name it.
pub(in crate::model::definition) fn scalar_type(kind: &SettingType) -> ScalarType {
    match kind {
        SettingType::OnOff => ScalarType::OnOff,
        SettingType::Integer => ScalarType::Integer,
        SettingType::Number => ScalarType::Number,
        SettingType::Lines => ScalarType::Lines,
        SettingType::Word => ScalarType::Word,
        SettingType::Choice(options) => ScalarType::Choice(options.iter().map(|(word, _)| word.clone()).collect()),
        SettingType::Size => ScalarType::Amount(Dimension::Size),
        SettingType::Cpu => ScalarType::Amount(Dimension::Cpu),
        SettingType::Duration => ScalarType::Amount(Dimension::Duration),
        SettingType::Time => ScalarType::Time,
        SettingType::Date => ScalarType::Date,
        SettingType::Timezone => ScalarType::Timezone,
        SettingType::Locale => ScalarType::Locale,
        SettingType::Domain => ScalarType::Domain,
        SettingType::Email => ScalarType::Email,
        SettingType::Url(_) => ScalarType::Url,
        SettingType::Percent => ScalarType::Percent,
        SettingType::Reference(_) => ScalarType::Name,
        SettingType::Text
        | SettingType::List(..)
        | SettingType::Map(_)
        | SettingType::Group(_)
        | SettingType::Secret => ScalarType::Text,
    }
}

/// `1_000` as 1000.
pub(super) fn whole_number(text: &str) -> Option<i64> {
    text.replace('_', "").parse().ok()
}

/// `1.5` as 1500: at most three decimals.
pub(super) fn thousandths(text: &str) -> Option<i64> {
    let text = text.replace('_', "");
    let (sign, digits) = text.strip_prefix('-').map_or((1, text.as_str()), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if fraction.len() > 3 {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let fraction: i64 = format!("{fraction:0<3}").parse().ok()?;
    whole.checked_mul(1000)?.checked_add(fraction)?.checked_mul(sign)
}
