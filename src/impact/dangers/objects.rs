//! What is done with objects themselves: data that goes, what is deleted and made anew, what cannot be done.

use std::collections::BTreeMap;

use super::Hits;
use crate::impact::backups::{self, makes_backups};
use crate::impact::images;
use crate::impact::subject::PlannedOrganisation;
use crate::impact::wording::{line, moves, short, value};
use crate::kind::{GARAGE_BUCKET, GARAGE_KEY, POSTGRES_ROLE, SECRET};
use crate::name::Name;
use crate::plan::{Action, Holding, Place, Reason, Refusing, Replacing, Verb};
use crate::render::TermWord;
use serde_json::Value;

/// Data goes when the plan is carried out.
pub(super) fn data_goes(subject: &PlannedOrganisation<'_>, hits: &mut Hits<'_>) {
    let is_key = |action: &Action| [SECRET, GARAGE_KEY, POSTGRES_ROLE].into_iter().any(|kind| action.id.is(kind));
    let going = subject.writes().filter(|action| action.verb() == Verb::Delete && action.holds_data);
    for action in going.filter(|action| !is_key(action)) {
        hits.danger(action.app.as_ref(), "its data goes".to_owned(), line(action, None));
    }
}

/// Data is to lie in another store: a class of volumes, a store of buckets. What is there is not moved by that.
pub(super) fn store_moves(subject: &PlannedOrganisation<'_>, hits: &mut Hits<'_>) {
    const STORES: [&str; 3] = ["storageClassName", "storage.storageClass", "clusterRef.name"];
    for action in subject.writes().filter(|action| action.holds_data && action.verb() != Verb::Create) {
        let fields = action.changes.iter().filter(|change| moves(change) && change.before.is_some());
        for change in fields.filter(|change| STORES.iter().any(|end| change.path.ends_with(end))) {
            let text = |shown| value(shown).and_then(Value::as_str).map_or("?".to_owned(), short);
            let (before, after) = (text(change.before.as_ref()), text(change.after.as_ref()));
            let what = if action.id.is(GARAGE_BUCKET) { "its files" } else { "its data" };
            let says = format!("{what} are to lie elsewhere, {before} → {after}; nothing copies what is there");
            hits.danger(action.app.as_ref(), says.replace("its data are", "its data is"), line(action, Some(change)));
        }
    }
}

/// Nothing is backed up any more.
pub(super) fn backup_off(subject: &PlannedOrganisation<'_>, hits: &mut Hits<'_>) {
    for found in backups::of(subject).into_iter().filter(|found| found.off) {
        hits.danger(found.app.as_ref(), "it is not backed up any more".to_owned(), found.line);
    }
}

/// Backups are to lie in another store: those that there are stay in the old one.
pub(super) fn backup_moves(subject: &PlannedOrganisation<'_>, hits: &mut Hits<'_>) {
    const PLACES: [&str; 5] = [
        "s3.endpoint",
        "s3.bucket",
        "configuration.destinationPath",
        "configuration.endpointURL",
        "env[name=TARGET].value",
    ];
    for action in subject.writes().filter(|action| makes_backups(action) && action.verb() != Verb::Create) {
        let fields = action.changes.iter().filter(|change| moves(change) && change.before.is_some());
        if let Some(change) = fields.into_iter().find(|change| PLACES.iter().any(|end| change.path.ends_with(end))) {
            let says = "its backups go to another place, and the older ones stay where they are".to_owned();
            hits.doubt(action.app.as_ref(), says, line(action, Some(change)));
        }
    }
}

/// An object is deleted and made anew, since a field of it cannot change.
pub(super) fn made_anew(subject: &PlannedOrganisation<'_>, hits: &mut Hits<'_>) {
    for action in subject.writes() {
        let Reason::Replacing(Replacing::Immutable { path }) = action.reason() else { continue };
        let says = format!("`{}` is deleted and made anew, since `{}` of it cannot change", action.id, short(path));
        let place = line(action, action.changes.iter().find(|change| change.path == *path));
        if action.holds_data {
            hits.danger(action.app.as_ref(), says, place);
        } else {
            hits.doubt(action.app.as_ref(), says, place);
        }
    }
}

/// The first number of an image's version is another one.
pub(super) fn major(subject: &PlannedOrganisation<'_>, hits: &mut Hits<'_>) {
    for action in subject.writes() {
        for (change, before, after) in images::replaced(action) {
            if images::is_major(before, after) {
                let says = images::release(action).unwrap_or_default();
                hits.doubt(action.app.as_ref(), format!("a major version, {says}"), line(action, Some(change)));
            }
        }
    }
}

/// More than one release of a definition lies between what runs and what is put in.
pub(super) fn several_releases(subject: &PlannedOrganisation<'_>, hits: &mut Hits<'_>) {
    let mut seen: BTreeMap<&Name, (String, String, Option<Place>)> = BTreeMap::new();
    for action in subject.writes() {
        let change = action.changes.iter().find(|change| change.path == "metadata.labels[app.kubernetes.io/version]");
        let Some((app, change)) = action.app.as_ref().zip(change) else { continue };
        let text = |shown| value(shown).and_then(Value::as_str).map(str::to_owned);
        if let Some((before, after)) = text(change.before.as_ref()).zip(text(change.after.as_ref())) {
            seen.entry(app).or_insert_with(|| (before, after, line(action, Some(change))));
        }
    }
    for (app, (before, after, place)) in seen {
        let Some(definition) = subject.app(app).map(|app| &app.definition) else { continue };
        let mut version = after.clone();
        let mut steps = 0_usize;
        while let Some(earlier) = definition.releases.get(&version).and_then(|release| release.after.clone()) {
            steps += 1;
            if earlier == before || steps > definition.releases.len() {
                break;
            }
            version = earlier;
        }
        if steps > 1 {
            let says = format!("{steps} releases at once, {} → {}", short(&before), short(&after));
            hits.doubt(Some(app), says, place);
        }
    }
}

/// What the garden asks cannot be done.
pub(super) fn refused(subject: &PlannedOrganisation<'_>, hits: &mut Hits<'_>) {
    let refused = subject.plan.actions.iter().filter(|action| action.verb() == Verb::Refused);
    for action in refused {
        let reason = match action.reason() {
            // The words of a server are about one object each.
            Reason::Refusing(Refusing::ServerRefused { .. }) => "the cluster refuses it".to_owned(),
            reason => short(&reason.to_string()),
        };
        hits.danger(action.app.as_ref(), format!("not done as the garden asks: {reason}"), line(action, None));
    }
}

/// Something would be done and is held back, by more than a word of the garden or the hour.
pub(super) fn held(subject: &PlannedOrganisation<'_>, hits: &mut Hits<'_>) {
    let waits = |action: &Action| {
        let app = action.app.as_ref();
        subject.plan.later.iter().any(|act| act.word == TermWord::Upgrade && act.app.as_ref() == app)
    };
    let held = subject.plan.actions.iter().filter(|action| !waits(action));
    for action in held {
        let Reason::Holding(why) = action.reason() else { continue };
        let reason = match why {
            Holding::Hold { .. } | Holding::Paused { .. } | Holding::AfterTheRest | Holding::NotAgreed { .. } => {
                continue;
            }
            Holding::OverBudget { .. } => "more would be deleted undeclared than the garden allows".to_owned(),
            why => short(&why.to_string()),
        };
        hits.doubt(action.app.as_ref(), format!("held back for now: {reason}"), line(action, None));
    }
}
