//! Cron schedules, as the parser of the real server reads them.

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

struct Bounds {
    least: u32,
    most: u32,
    names: &'static [&'static str],
}

const FIELDS: [Bounds; 5] = [
    Bounds { least: 0, most: 59, names: &[] },
    Bounds { least: 0, most: 23, names: &[] },
    Bounds { least: 1, most: 31, names: &[] },
    Bounds { least: 1, most: 12, names: &MONTHS },
    Bounds { least: 0, most: 6, names: &DAYS },
];

/// What is wrong with a schedule of the API server.
pub(super) fn problem(schedule: &str) -> Result<(), String> {
    problem_of(schedule, false)
}

/// What is wrong with a schedule; one with seconds has six fields, the seconds first.
pub(crate) fn problem_of(schedule: &str, seconds: bool) -> Result<(), String> {
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
    for (field, bounds) in fields.iter().zip(bounds) {
        for part in field.split(',').filter(|part| !part.is_empty()) {
            range(part, bounds)?;
        }
    }
    Ok(())
}

fn descriptor(word: &str) -> Result<(), String> {
    let known = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
    if known.contains(&word) || word.starts_with("@every ") {
        return Ok(());
    }
    Err(format!("unrecognized descriptor: {word}"))
}

fn number(word: &str) -> Result<u32, String> {
    let parsed: Result<i64, _> = word.parse();
    match parsed {
        Ok(value) => u32::try_from(value).map_err(|_| format!("negative number ({value}) not allowed: {word}")),
        Err(_) => Err(format!("failed to parse int from {word}: strconv.Atoi: parsing {word:?}: invalid syntax")),
    }
}

fn named(word: &str, bounds: &Bounds) -> Result<u32, String> {
    let lower = word.to_lowercase();
    let place = bounds.names.iter().position(|name| *name == lower);
    match place.and_then(|place| u32::try_from(place).ok()) {
        Some(place) => Ok(place + bounds.least),
        None => number(word),
    }
}

fn range(part: &str, bounds: &Bounds) -> Result<(), String> {
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
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::problem;

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
            ("@noon", "unrecognized descriptor: @noon"),
        ] {
            assert_eq!(problem(bad), Err(why.to_owned()));
        }
    }
}
