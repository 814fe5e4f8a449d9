//! An organisation whose cluster cannot be read, as `status` tells of it: how it was when that could be read last, or what the garden
//! asks for.

use std::fmt::Write as _;

use anstyle::Style;

use super::TextStyle;
use super::leader::length;
use super::status::{OrganisationStatus, states};
use super::words::{many, paint};
use crate::visible;

/// A line about an organisation that was well when that could be read last; absent where there is more to tell.
pub(super) fn in_short(organisation: &OrganisationStatus) -> Option<String> {
    organisation.unreached.as_ref()?;
    let then = OrganisationStatus { unreached: None, ..organisation.clone() };
    let as_of = then.as_of.filter(|_| then.is_well()).map(minute)?;
    let (name, cluster, apps) = (&then.organisation, &then.cluster, many(then.apps.len(), "app"));
    Some(format!("{name}: not known now; well at {as_of}, {apps} on {cluster}"))
}

/// That the cluster of an organisation cannot be read, how old is what follows, or what else is known.
pub(super) fn draw_unread(out: &mut String, organisation: &OrganisationStatus, style: TextStyle) {
    let bold = |text: &str| paint(style.drawing, Style::new().bold(), text);
    let _ = writeln!(out, "  {}", not_known_now(organisation));
    let _ = writeln!(out, "      {} {}", bold("help"), way_out_of_silence(&organisation.cluster));
    if organisation.as_of.is_some() {
        return;
    }
    let _ =
        writeln!(out, "  not kept from before either: what is applied and how it fares is known to the cluster alone");
    draw_asked(out, organisation, style);
}

/// What to do about a cluster that cannot be read.
pub(super) fn way_out_of_silence(cluster: &str) -> String {
    let cluster = if cluster.is_empty() { String::new() } else { format!(" {cluster}") };
    format!("`parcelle doctor{cluster}` says what is in the way; the log of the loop says what it did last")
}

/// That an organisation's cluster cannot be read, and of when is what is known.
fn not_known_now(organisation: &OrganisationStatus) -> String {
    let why = visible::line(organisation.unreached.as_deref().unwrap_or_default());
    let then = organisation.as_of.map(|as_of| {
        let ago = organisation.as_of_seconds_ago.map(|ago| format!(", {} ago", length(ago))).unwrap_or_default();
        format!("; as it was at {}{ago}:", minute(as_of))
    });
    format!("not known now: {why}{}", then.unwrap_or_default())
}

/// What the garden asks for of an organisation of which nothing else is known.
fn draw_asked(out: &mut String, organisation: &OrganisationStatus, style: TextStyle) {
    for word in states(organisation).into_iter().flatten() {
        let _ = writeln!(out, "  {}", visible::line(&word));
    }
    for finding in &organisation.findings {
        let _ = writeln!(out, "    {}", visible::line(finding));
    }
    for app in &organisation.apps {
        let name = paint(style.drawing, Style::new().bold(), &app.name);
        let held = app.held.as_ref().map(|why| format!(", held: {}", visible::line(why))).unwrap_or_default();
        let _ = writeln!(out, "  {name}: the garden asks for {} {}{held}", app.definition, app.release);
    }
}

/// A moment in Unix seconds, to the minute.
pub(super) fn minute(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    time.strftime("%F %H:%M UTC").to_string()
}
