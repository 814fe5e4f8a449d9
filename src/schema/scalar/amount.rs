//! Amounts: a number and its unit.

use super::{BAD_AMOUNT, OUT_OF_RANGE, ScalarType};
use crate::finding::{Applicability, Finding};
use crate::quantity::{Dimension, Quantity, UNITS, unit};
use crate::schema::suggest::{either, nearest};
use crate::syntax::{Scalar, Value};

/// The amount in two arguments, `number` and `unit_word`; boxed finding where they are none of `dimension`.
pub(crate) fn amount(
    dimension: Dimension,
    subject: &str,
    number: &Value,
    unit_word: Option<&Value>,
) -> Result<Quantity, Box<Finding>> {
    let kind = ScalarType::Amount(dimension);
    let bad = |title: String, span| Finding::error(BAD_AMOUNT, title, span);
    if !matches!(number.scalar, Scalar::Integer(_) | Scalar::Float(_)) {
        return Err(Box::new(comma(subject, number, unit_word).unwrap_or_else(|| no_number(&kind, subject, number))));
    }
    let Some(written) = unit_word else {
        let finding = bad(format!("{subject} lacks the unit of its amount"), number.span)
            .label("of what?")
            .help(format!("write {}; units are {}", kind.describe(), units(dimension)));
        return Err(Box::new(finding));
    };
    match unit(&written.text) {
        Some((found, _)) if found == dimension => {}
        Some(_) => {
            let finding =
                bad(format!("{subject} wants {}, and `{}` is none", kind.describe(), written.text), written.span)
                    .help(format!("units are {}", units(dimension)));
            return Err(Box::new(finding));
        }
        None => return Err(Box::new(unknown_unit(dimension, subject, written))),
    }
    let quantity = Quantity::parse(&number.text, &written.text).ok_or_else(|| {
        let title = format!("{subject} cannot be `{} {}`", number.text, written.text);
        Box::new(
            bad(title, number.span.to(written.span))
                .why("amounts are never negative, and whole numbers of the smallest unit")
                .help(format!("write {}", kind.describe())),
        )
    })?;
    if quantity.amount == 0 {
        let title = format!("{subject} cannot be nothing");
        let finding = Finding::error(OUT_OF_RANGE, title, number.span.to(written.span));
        return Err(Box::new(finding.help(format!("write {}, or take the line away", kind.describe()))));
    }
    Ok(quantity)
}

/// The finding about a decimal comma: `1,5 TiB`.
fn comma(subject: &str, number: &Value, unit_word: Option<&Value>) -> Option<Finding> {
    let (whole, fraction) = number.text.split_once(',')?;
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let end = fraction.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(fraction.len());
    let (fraction, glued) = fraction.split_at(end);
    let glued = if glued.is_empty() { None } else { Some(nearest_of_all(glued)?) };
    if !is_digits(whole) || !is_digits(fraction) || glued.is_some() == unit_word.is_some() {
        return None;
    }
    // Three digits behind a comma are thousands in English and thousandths in French.
    let how = if fraction.len() == 3 { Applicability::Guess } else { Applicability::Safe };
    let written =
        std::iter::once(format!("{whole}.{fraction}")).chain(glued.map(str::to_owned)).collect::<Vec<_>>().join(" ");
    let title = format!("{subject} has a comma in its number, `{}`", number.text);
    let finding = Finding::error(BAD_AMOUNT, title, number.span).why("decimals are written with a point");
    Some(finding.fix(how, format!("write `{written}`"), number.span, written))
}

fn nearest_of_all(word: &str) -> Option<&'static str> {
    [Dimension::Size, Dimension::Cpu, Dimension::Duration]
        .into_iter()
        .find_map(|dimension| nearest_unit(dimension, word))
}

fn no_number(kind: &ScalarType, subject: &str, value: &Value) -> Finding {
    let finding = Finding::error(
        BAD_AMOUNT,
        format!("{subject} wants {}, but `{}` is written there", kind.describe(), value.text),
        value.span,
    );
    let digits = value.text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(0);
    let (number, word) = value.text.split_at(digits);
    let ScalarType::Amount(dimension) = kind else { return finding };
    match nearest_unit(*dimension, word.trim()) {
        Some(unit) if !number.is_empty() => finding.help(format!("write `{number} {unit}`")).fix(
            Applicability::Guess,
            format!("write `{number} {unit}`"),
            value.span,
            format!("{number} {unit}"),
        ),
        _ => finding.help(format!("write a number and its unit, {}", units(*dimension))),
    }
}

fn unknown_unit(dimension: Dimension, subject: &str, written: &Value) -> Finding {
    let finding =
        Finding::error(BAD_AMOUNT, format!("{subject} has an unknown unit, `{}`", written.text), written.span);
    match nearest_unit(dimension, &written.text) {
        Some(unit) => finding.label(format!("did you mean `{unit}`?")).fix(
            Applicability::Guess,
            format!("write `{unit}`"),
            written.span,
            unit,
        ),
        None => finding,
    }
    .help(format!("units are {}", units(dimension)))
}

/// The unit that was meant: other tools' spellings first, then the nearest word.
fn nearest_unit(dimension: Dimension, word: &str) -> Option<&'static str> {
    let known = match (dimension, word) {
        (Dimension::Size, "Gi" | "G" | "Go" | "Gio" | "gb" | "gib") => Some("GiB"),
        (Dimension::Size, "Mi" | "M" | "Mo" | "Mio" | "mb" | "mib") => Some("MiB"),
        (Dimension::Size, "Ti" | "T" | "To" | "Tio" | "tb" | "tib") => Some("TiB"),
        (Dimension::Size, "Ki" | "K" | "k" | "Ko" | "Kio" | "kb") => Some("KiB"),
        (Dimension::Cpu, "m" | "milli") => Some("millicores"),
        (Dimension::Cpu, "" | "cpu" | "cpus") => Some("cores"),
        (Dimension::Duration, "s" | "sec") => Some("seconds"),
        (Dimension::Duration, "min" | "m") => Some("minutes"),
        (Dimension::Duration, "h") => Some("hours"),
        (Dimension::Duration, "d" | "j" | "jours") => Some("days"),
        (Dimension::Duration, "w") => Some("weeks"),
        _ => None,
    };
    known.or_else(|| nearest(word, words(dimension)))
}

fn words(dimension: Dimension) -> impl Iterator<Item = &'static str> {
    UNITS.iter().filter(move |(_, of, _)| *of == dimension).map(|(word, _, _)| *word)
}

fn units(dimension: Dimension) -> String {
    either(words(dimension))
}
