//! Facts about an organisation that follow from its apps, found once when it is read.

use std::sync::Arc;

use super::Draft;
use crate::expression::{Budget, too_much_work};
use crate::finding::{Effect, Finding, Findings};
use crate::model::definition::{Need, NeedKind, wanted};
use crate::model::domain::{below, domain_of};
use crate::model::{App, Organisation, senders};

/// Adds to a draft what follows from its apps.
pub(super) fn add(draft: &mut Draft, findings: &mut Findings) {
    let organisation = Arc::clone(&draft.organisation);
    draft.strays = strays(&organisation);
    let budget = Arc::new(Budget::of_organisation());
    for app in organisation.apps.values() {
        if is_backed_up(&organisation, app, &budget) {
            draft.backed_up.push(app.name.clone());
        }
        draft.senders.extend(senders(&organisation, app, &budget));
        if let Some(place) = budget.beyond() {
            // Of the apps from here on nothing is known.
            let unread = organisation.apps.range(app.name.clone()..).map(|(name, _)| name.clone());
            draft.unsound.extend(unread);
            let finding = too_much_work(&format!("reading `{}` of {}", app.name, organisation.name), place, app.span);
            findings.push(Finding { effect: Effect::MeaningLost, ..finding.stops(organisation.name.clone()) });
            return;
        }
    }
}

/// Whether a host of it lies outside its domain.
fn strays(organisation: &Organisation) -> bool {
    let domain = domain_of(organisation);
    let inside = |host: &str| domain.as_ref().is_some_and(|domain| below(host, domain));
    organisation.apps.values().flat_map(|app| &app.hosts).any(|host| !inside(&host.value))
}

/// Whether an app says `backup` and has something that can be lost.
fn is_backed_up(organisation: &Organisation, app: &App, budget: &Arc<Budget>) -> bool {
    let holds = |need: &Need| match need.kind {
        NeedKind::Bucket | NeedKind::Mongodb | NeedKind::Postgres | NeedKind::Volume => true,
        NeedKind::Redis => need.options.contains_key("keep"),
        NeedKind::Mail | NeedKind::Route | NeedKind::Secret | NeedKind::SignOn | NeedKind::Outward => false,
    };
    let mut needs = app.definition.needs.iter();
    app.settings.contains_key("backup")
        && needs.any(|need| holds(&need.item) && wanted(need, organisation, app, budget))
}
