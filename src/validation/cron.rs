//! Cron schedules, as the parser of the real server reads them.

use super::duration;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

struct Bounds {
    least: u64,
    most: u64,
    names: &'static [&'static str],
}

const FIELDS: [Bounds; 5] = [
    Bounds { least: 0, most: 59, names: &[] },
    Bounds { least: 0, most: 23, names: &[] },
    Bounds { least: 1, most: 31, names: &[] },
    Bounds { least: 1, most: 12, names: &MONTHS },
    Bounds { least: 0, most: 6, names: &DAYS },
];

/// The longest time that is looked at: whatever runs once a day or less often counts as daily.
const DAY: u64 = 86_400;

/// What is wrong with a schedule of the API server.
pub(super) fn problem(schedule: &str) -> Result<(), String> {
    problem_of(schedule, false)
}

/// What is wrong with a schedule; one with seconds has six fields, the seconds first.
pub(crate) fn problem_of(schedule: &str, seconds: bool) -> Result<(), String> {
    least_gap(schedule, seconds).map(drop)
}

/// Returns the least time between two runs of a schedule, in seconds, a day at most; what is wrong with it where it is none.
pub(crate) fn least_gap(schedule: &str, seconds: bool) -> Result<u64, String> {
    if schedule.is_empty() {
        return Err("empty spec string".to_owned());
    }
    let mut schedule = schedule;
    if schedule.starts_with("TZ=") || schedule.starts_with("CRON_TZ=") {
        schedule = schedule.split_once(' ').map_or("", |(_, rest)| rest.trim());
    }
    if schedule.starts_with('@') {
        return descriptor(schedule);
    }
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    let wanted = FIELDS.len() + usize::from(seconds);
    if fields.len() != wanted {
        return Err(format!("expected exactly {wanted} fields, found {}: [{}]", fields.len(), fields.join(" ")));
    }
    // Seconds are bounded as minutes are.
    let bounds = seconds.then_some(&FIELDS[0]).into_iter().chain(&FIELDS);
    let mut moments = Vec::new();
    for (field, bounds) in fields.iter().zip(bounds) {
        let parts = field.split(',').filter(|part| !part.is_empty());
        moments.push(parts.map(|part| range(part, bounds)).try_fold(0, |all, part| Ok::<_, String>(all | part?))?);
    }
    let units = [(1, 60), (60, 60), (3_600, 24)];
    let clock = units.iter().skip(usize::from(!seconds)).zip(&moments);
    // The finest field with several moments says how near two runs may be.
    let finest = { clock }.find(|(_, moments)| moments.count_ones() > 1);
    Ok(finest.map_or(DAY, |((unit, turn), moments)| unit * nearest(*moments, *turn)))
}

/// The least distance between two moments of a set, from the last to the first of the next turn among them.
fn nearest(moments: u64, turn: u64) -> u64 {
    let set: Vec<u64> = (0..turn).filter(|moment| moments >> moment & 1 == 1).collect();
    let after = set.iter().skip(1).copied().chain(set.first().map(|first| first + turn));
    set.iter().zip(after).map(|(moment, next)| next - moment).min().unwrap_or(turn)
}

fn descriptor(word: &str) -> Result<u64, String> {
    if let Some(every) = word.strip_prefix("@every ") {
        let time = duration::nanoseconds(every).map_err(|why| format!("failed to parse duration {word}: {why}"))?;
        // Whole seconds, and one where it is less or goes backwards.
        return Ok(u64::try_from(time / 1_000_000_000).unwrap_or(0).clamp(1, DAY));
    }
    match word {
        "@yearly" | "@annually" | "@monthly" | "@weekly" | "@daily" | "@midnight" => Ok(DAY),
        "@hourly" => Ok(3_600),
        _ => Err(format!("unrecognized descriptor: {word}")),
    }
}

fn number(word: &str) -> Result<u64, String> {
    let parsed: Result<i64, _> = word.parse();
    match parsed {
        Ok(value) if value < 0 => Err(format!("negative number ({value}) not allowed: {word}")),
        Ok(value) => Ok(value.unsigned_abs()),
        Err(_) => Err(format!("failed to parse int from {word}: strconv.Atoi: parsing {word:?}: invalid syntax")),
    }
}

fn named(word: &str, bounds: &Bounds) -> Result<u64, String> {
    let lower = word.to_lowercase();
    let place = bounds.names.iter().position(|name| *name == lower);
    match place.and_then(|place| u64::try_from(place).ok()) {
        Some(place) => Ok(place + bounds.least),
        None => number(word),
    }
}

/// The moments that a part of a field means, a bit each.
fn range(part: &str, bounds: &Bounds) -> Result<u64, String> {
    let pieces: Vec<&str> = part.split('/').collect();
    let ends: Vec<&str> = pieces[0].split('-').collect();
    let single = ends.len() == 1;
    let (start, mut end) = if ends[0] == "*" || ends[0] == "?" {
        (bounds.least, bounds.most)
    } else {
        let start = named(ends[0], bounds)?;
        match ends.as_slice() {
            [_] => (start, start),
            [_, end] => (start, named(end, bounds)?),
            _ => return Err(format!("too many hyphens: {part}")),
        }
    };
    let step = match pieces.as_slice() {
        [_] => 1,
        [_, step] => {
            if single {
                end = bounds.most;
            }
            number(step)?
        }
        _ => return Err(format!("too many slashes: {part}")),
    };
    let (least, most) = (bounds.least, bounds.most);
    if start < least {
        return Err(format!("beginning of range ({start}) below minimum ({least}): {part}"));
    }
    if end > most {
        return Err(format!("end of range ({end}) above maximum ({most}): {part}"));
    }
    if start > end {
        return Err(format!("beginning of range ({start}) beyond end of range ({end}): {part}"));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {part}"));
    }
    let step = usize::try_from(step).unwrap_or(usize::MAX);
    Ok((start..=end).step_by(step).fold(0, |moments, moment| moments | 1 << moment))
}

#[cfg(test)]
mod tests {
    use super::{least_gap, problem};

    #[test]
    fn schedules_are_read_as_by_the_server() {
        for good in ["0 3 * * *", "*/5 1-3,7 1 jan-mar SUN", "@daily", "TZ=UTC 1 2 3 4 5", "5/10 * * * *"] {
            assert_eq!(problem(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("every night", "expected exactly 5 fields, found 2: [every night]"),
            ("70 * * * *", "end of range (70) above maximum (59): 70"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("x * * * *", "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax"),
            ("9999999999 * * * *", "end of range (9999999999) above maximum (59): 9999999999"),
            ("@noon", "unrecognized descriptor: @noon"),
            ("@every", "unrecognized descriptor: @every"),
            ("@every ", "failed to parse duration @every : time: invalid duration \"\""),
            ("@every soon", "failed to parse duration @every soon: time: invalid duration \"soon\""),
            ("@every 5", "failed to parse duration @every 5: time: missing unit in duration \"5\""),
            ("@every 1d", "failed to parse duration @every 1d: time: unknown unit \"d\" in duration \"1d\""),
        ] {
            assert_eq!(problem(bad), Err(why.to_owned()));
        }
    }

    #[test]
    fn a_schedule_runs_no_oftener_than_it_says() {
        for (schedule, seconds, gap) in [
            ("@every 1s", false, 1),
            ("@every 59s", false, 59),
            ("@every 59.999s", false, 59),
            ("@every 0.001h", false, 3),
            ("@every 1ns", false, 1),
            ("@every -1h", false, 1),
            ("@every 0", false, 1),
            ("@every 1m", false, 60),
            ("@every 60000ms", false, 60),
            ("@every 1h30m", false, 5_400),
            ("@every 9000h", false, 86_400),
            ("@hourly", false, 3_600),
            ("@yearly", false, 86_400),
            ("* * * * *", false, 60),
            ("*/5 * * * *", false, 300),
            ("0,59 * * * *", false, 60),
            ("50/7 * * * *", false, 420),
            ("30 * * * *", false, 3_600),
            ("30 2-4 * * *", false, 3_600),
            ("30 2,22 * * *", false, 14_400),
            ("30 2 * * *", false, 86_400),
            ("TZ=UTC */2 * * * *", false, 120),
            ("0 30 2 * * *", true, 86_400),
            ("* 30 2 * * *", true, 1),
            ("0,45 30 2 * * *", true, 15),
            ("0 */2 * * * *", true, 120),
        ] {
            assert_eq!(least_gap(schedule, seconds), Ok(gap), "{schedule}");
        }
    }
}
