//! A planned peak that is over does nothing any more. Told by the moment of the check; nothing is wrong with it.

use jiff::Timestamp;
use jiff::civil::DateTime;

use crate::finding::{Finding, Findings};
use crate::model::{ODD_PEAK, Organisation};
use crate::render::life::zone;

pub(super) fn check(organisation: &Organisation, moment: Timestamp, findings: &mut Findings) {
    let zone = zone(&organisation.timezone);
    let living = organisation.apps.values().filter(|app| organisation.retired.is_none() && !app.life.is_retired());
    for (app, peak) in living.flat_map(|app| app.peaks().map(move |peak| (app, peak))) {
        let end = peak.props.get("to").and_then(|to| to.text.parse::<DateTime>().ok());
        let over = end.and_then(|end| Some((end, zone.to_timestamp(end).ok()?))).filter(|(_, over)| *over <= moment);
        let Some((end, _)) = over else { continue };
        // That of an offer is told once, whoever has it.
        let title = if peak.span.file == organisation.file {
            format!("a peak of `{}/{}` is over", organisation.name, app.name)
        } else {
            "a peak of this offer is over".to_owned()
        };
        let since = end.strftime("%F %H:%M");
        let finding = Finding::warning(ODD_PEAK, title, peak.span)
            .why(format!("it ended on {since} ({}) and does nothing any more", organisation.timezone))
            .help("take it away, or write its next time");
        findings.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;
    use crate::render::sample;

    #[test]
    fn a_peak_is_over_once_its_end_has_passed_and_stops_nobody() {
        let garden = sample::garden();
        let mut organisation = sample::organisation(&garden);
        let peaks = sample::peaks(&["peak from=\"2026-12-01T08:00\" to=\"2026-12-01T20:00\" min=6"]);
        organisation.apps.get_mut("cloud").unwrap().settings.insert("peak".to_owned(), peaks);
        let found = |moment: &str| {
            let mut findings = Findings::default();
            check(&organisation, moment.parse().unwrap(), &mut findings);
            findings.into_iter().collect::<Vec<_>>()
        };
        // Paris is an hour ahead of UTC in winter.
        assert_eq!(found("2026-12-01T18:59:59Z"), []);
        let over = found("2026-12-01T19:00:00Z");
        assert_eq!(over.len(), 1);
        assert_eq!((over[0].code, over[0].severity), (ODD_PEAK, Severity::Warning));
        assert_eq!(over[0].stops, None);
        assert_eq!(
            over[0].why.as_deref(),
            Some("it ended on 2026-12-01 20:00 (Europe/Paris) and does nothing any more")
        );
    }
}
