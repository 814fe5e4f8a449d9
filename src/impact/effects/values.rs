//! Values of fields as people compare them: releases of images, amounts, times of day.

use super::aspects::Aspect;
use super::shown;
use crate::plan::FieldChange;

/// The longest value that is remembered, in characters.
const LONGEST: usize = 80;

/// The field's last word with its value before and after, of fields whose values mean something to people.
pub(super) fn of(aspect: Aspect, change: &FieldChange) -> Option<(String, String, String)> {
    let wanted = matches!(
        aspect,
        Aspect::Release
            | Aspect::Copies
            | Aspect::Room
            | Aspect::DatabaseRoom
            | Aspect::Resources
            | Aspect::Quota
            | Aspect::Address
    );
    let (before, after) = (shown(change.before.as_ref())?, shown(change.after.as_ref())?);
    let (before, after) = match aspect {
        Aspect::Release => (release(&before), release(&after)),
        _ => (before, after),
    };
    let label = label(&change.path);
    let short = |text: &str| text.chars().count() <= LONGEST;
    (wanted && short(&before) && short(&after)).then_some((label, before, after))
}

/// The last word of a path: `memory` of `…resources.limits.memory`.
fn label(path: &str) -> String {
    let last = match path.strip_suffix(']') {
        Some(path) => path.rsplit('[').next().unwrap_or(path),
        None => path.rsplit('.').next().unwrap_or(path),
    };
    if path.contains(".limits.") { format!("{last}-limit") } else { last.to_owned() }
}

/// The release in the name of an image: `33.0.9` of `nextcloud:33.0.9-apache`.
fn release(image: &str) -> String {
    let name = image.rsplit('/').next().unwrap_or(image);
    let name = name.split('@').next().unwrap_or(name);
    match name.split_once(':') {
        Some((_, tag)) => tag.to_owned(),
        None => name.to_owned(),
    }
}

/// An amount as Kubernetes writes it, in thousandths.
pub(super) fn amount(text: &str) -> Option<u128> {
    let units: &[(&str, u128)] = &[
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("Ti", 1 << 40),
        ("k", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("T", 1_000_000_000_000),
    ];
    let (number, factor) = match units.iter().find(|(unit, _)| text.ends_with(unit)) {
        Some((unit, factor)) => (text.strip_suffix(unit)?, factor * 1_000),
        None => match text.strip_suffix('m') {
            Some(number) => (number, 1),
            None => (text, 1_000),
        },
    };
    number.parse::<u128>().ok()?.checked_mul(factor)
}

/// An amount for people: `2 GiB` of `2Gi`, `half a core` is `0.5 cores` of `500m`.
pub(super) fn readable(label: &str, text: &str) -> String {
    let is_cpu = label.starts_with("cpu");
    let binary = [("Ki", "KiB"), ("Mi", "MiB"), ("Gi", "GiB"), ("Ti", "TiB")];
    let unit = binary.iter().find_map(|(unit, word)| Some((text.strip_suffix(unit)?, *word)));
    match unit {
        Some((number, word)) => format!("{number} {word}"),
        None if is_cpu && text == "1" => "1 core".to_owned(),
        None if is_cpu && text.ends_with('m') => format!("{} millicores", text.trim_end_matches('m')),
        None if is_cpu => format!("{text} cores"),
        None => text.to_owned(),
    }
}

/// How far a time of day moves, in words: `an hour later`, `half an hour earlier`. The shorter way round the clock counts.
pub(super) fn shift(was: &str, is: &str) -> Option<String> {
    let (was, is) = (minutes(was)?, minutes(is)?);
    let day = 24 * 60;
    let ahead = (is - was).rem_euclid(day);
    let (by, way) = if ahead <= day / 2 { (ahead, "later") } else { (day - ahead, "earlier") };
    let words = match (by / 60, by % 60) {
        (0, 0) => return None,
        (0, 30) => "half an hour".to_owned(),
        (0, 1) => "a minute".to_owned(),
        (0, minutes) => format!("{minutes} minutes"),
        (1, 0) => "an hour".to_owned(),
        (hours, 0) => format!("{hours} hours"),
        (1, 30) => "an hour and a half".to_owned(),
        (hours, 30) => format!("{hours} and a half hours"),
        (1, minutes) => format!("an hour and {minutes} minutes"),
        (hours, minutes) => format!("{hours} hours and {minutes} minutes"),
    };
    Some(format!("{words} {way}"))
}

fn minutes(time: &str) -> Option<i32> {
    let (hours, minutes) = time.split_once(':')?;
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..24).contains(&hours) && (0..60).contains(&minutes)).then_some(hours * 60 + minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_move_the_shorter_way_round_the_clock() {
        for (was, is, words) in [
            ("02:30", "03:30", "an hour later"),
            ("06:30", "07:00", "half an hour later"),
            ("00:15", "23:45", "half an hour earlier"),
            ("23:00", "01:10", "2 hours and 10 minutes later"),
            ("10:00", "08:30", "an hour and a half earlier"),
            ("10:00", "12:30", "2 and a half hours later"),
        ] {
            assert_eq!(shift(was, is).as_deref(), Some(words), "{was} {is}");
        }
        assert_eq!(shift("02:30", "02:30"), None);
        assert_eq!(shift("half past two", "03:00"), None);
    }

    #[test]
    fn amounts_are_compared_and_read() {
        assert!(amount("1Gi") < amount("2Gi") && amount("900Mi") < amount("1Gi") && amount("500m") < amount("1"));
        assert_eq!(readable("memory", "2Gi"), "2 GiB");
        assert_eq!((readable("cpu", "500m"), readable("cpu", "1")), ("500 millicores".to_owned(), "1 core".to_owned()));
        assert_eq!(release("docker.io/library/nextcloud:33.0.9-apache"), "33.0.9-apache");
    }
}
