//! A peak keeps more copies ready than `scale` does anyhow, and than other peaks at the same time.

use jiff::civil::DateTime;

use crate::expression::Value;
use crate::finding::{Code, Finding, Findings};
use crate::model::rules::{One, SoundApp};
use crate::model::{Layer, Setting};
use crate::syntax::Value as Written;

/// A peak that adds nothing, or more than the app says to run at most.
pub(crate) const ODD: Code = Code::new("W0442");

/// The most peaks of an app that are held against each other.
const MOST_COMPARED: usize = 500;

/// A peak as it is written.
struct WrittenPeak<'a> {
    from: DateTime,
    to: DateTime,
    least: i64,
    /// Where it says how many.
    number: &'a Written,
    setting: &'a Setting,
}

pub(super) fn check(one: &One, findings: &mut Findings) {
    for sound in one.sound_apps().filter(|sound| !sound.app.life.is_retired()) {
        if sound.app.definition.idle("scale").is_some() && !sound.app.sleeps_at_night() {
            continue;
        }
        let peaks: Vec<_> = sound.app.peaks().filter_map(read).take(MOST_COMPARED).collect();
        // What an offer says for all is held against no single app.
        let is_own = |peak: &WrittenPeak<'_>| peak.setting.span.file == sound.draft.organisation.file;
        for (at, peak) in peaks.iter().enumerate().filter(|(_, peak)| is_own(peak)) {
            let finding = within_another(&sound, &peaks, at).or_else(|| beside_scale(&sound, peak));
            finding.into_iter().for_each(|finding| findings.push(finding));
        }
    }
}

fn read(setting: &Setting) -> Option<WrittenPeak<'_>> {
    let moment = |name: &str| setting.props.get(name)?.text.parse().ok();
    let number = setting.props.get("min")?;
    Some(WrittenPeak { from: moment("from")?, to: moment("to")?, least: number.text.parse().ok()?, number, setting })
}

/// The finding about a peak during which another one keeps as many copies ready.
fn within_another(sound: &SoundApp<'_>, peaks: &[WrittenPeak<'_>], at: usize) -> Option<Finding> {
    let peak = &peaks[at];
    let holds = |(beside, other): &(usize, &WrittenPeak<'_>)| {
        let same = (other.from, other.to, other.least) == (peak.from, peak.to, peak.least);
        *beside != at
            && other.from <= peak.from
            && peak.to <= other.to
            && peak.least <= other.least
            // Of two that are the same the later one is told.
            && (!same || *beside < at)
    };
    let (_, other) = peaks.iter().enumerate().find(holds)?;
    let finding = Finding::warning(ODD, format!("a peak of {} adds nothing", sound.called()), peak.setting.span)
        .also(other.setting.span, format!("this one keeps {} ready for all of its time", other.least))
        .why("where two peaks meet, the higher one counts")
        .help("take it away, or let it ask for more");
    Some(finding)
}

/// The finding about a peak that asks for no more than runs anyhow, or for more than runs at most.
fn beside_scale(sound: &SoundApp<'_>, peak: &WrittenPeak<'_>) -> Option<Finding> {
    let scale = sound.app.settings.get("scale")?;
    let Value::Map(numbers) = &scale.value else { return None };
    let number = |name: &str| match numbers.get(name) {
        Some(Value::Int(number)) => Some(*number),
        _ => None,
    };
    let said = |name: &str| scale.props.get(name).filter(|_| scale.layer != Layer::Definition);
    let (least, most) = (number("min")?, number("max")?);
    // What sleeps at night is awake for a peak of any size.
    if peak.least <= least && !sound.app.sleeps_at_night() {
        let title = format!("a peak of {} adds nothing: {least} run at least anyhow", sound.called());
        let finding =
            Finding::warning(ODD, title, peak.number.span).why("a peak raises the `min` of `scale` for a time");
        let finding = match said("min") {
            Some(min) => finding.also(min.span, "`scale` says so"),
            None => finding,
        };
        return Some(finding.help(format!("write a `min` of more than {least}, or take the peak away")));
    }
    let written = said("max").filter(|_| peak.least > most)?;
    let title = format!("a peak of {} asks for {}, and `scale` for {most} at most", sound.called(), peak.least);
    let finding = Finding::warning(ODD, title, peak.number.span)
        .also(written.span, "the most that run")
        .why(format!("the peak counts: {} run while it lasts", peak.least))
        .help(format!("raise `max` to {} where that is meant, or lower the peak", peak.least));
    Some(finding)
}
