//! What one-time jobs run for, as it is under the names that last: those of the data.
//!
//! A pod names services, files and other apps, and a rename changes those names although nothing else is asked of the job. So
//! where an app of an organisation is called otherwise than its data, jobs get their inputs from a twin of the organisation in
//! which every app is called as its data is.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::app::{self, AppContext};
use super::draft::{ObjectDraft, Owner};
use super::life::Now;
use super::once::OneTime;
use crate::expression::{Budget, Text, Value};
use crate::finding::Findings;
use crate::model::definition::SettingType;
use crate::model::{App, Organisation, Setting};
use crate::name::Name;

/// An organisation whose apps have the names of their data; absent where they all have.
pub(super) struct LastingNames(Option<Organisation>);

impl LastingNames {
    /// The twin of an organisation.
    pub(super) fn of(organisation: &Organisation) -> Self {
        let apps = organisation.apps.values();
        let renamed: BTreeMap<&str, &Name> =
            apps.filter(|app| app.name != *app.data_name()).map(|app| (app.name.as_str(), app.data_name())).collect();
        if renamed.is_empty() {
            return Self(None);
        }
        let apps = organisation.apps.values().map(|app| named_as_its_data(app, &renamed));
        let apps = apps.map(|app| (app.name.clone(), app)).collect();
        Self(Some(Organisation { apps, ..organisation.clone() }))
    }

    /// Gives the one-time jobs of an app the inputs and names that they have in the twin.
    pub(super) fn give(&self, app: &App, owner: &Owner, now: &Now, drafts: &mut [ObjectDraft]) {
        let is_job = |draft: &&mut ObjectDraft| OneTime::is_kind(draft.group_kind());
        let has_jobs = drafts.iter_mut().any(|draft| is_job(&draft));
        let Some(organisation) = self.0.as_ref().filter(|_| has_jobs) else { return };
        let Some(twin) = organisation.apps.get(app.data_name()) else { return };
        let (owner, budget) = (owner.app(twin), Arc::new(Budget::of_app()));
        let asked = AppContext { organisation, app: twin, owner: &owner, now, budget: &budget };
        let mut twins = app::render(&asked, &mut Findings::default()).drafts;
        let twins: Vec<&mut ObjectDraft> = twins.iter_mut().filter(is_job).collect();
        let jobs: Vec<&mut ObjectDraft> = drafts.iter_mut().filter(is_job).collect();
        // Where a definition asks for more or less by the name of an app, nothing is known to be the same.
        if jobs.len() != twins.len() {
            return;
        }
        for (job, twin) in jobs.into_iter().zip(twins) {
            if job.once.is_some() {
                job.name.clone_from(&twin.name);
                job.once.clone_from(&twin.once);
            } else {
                let body = twin.body.clone().finish().value;
                job.once = Some(OneTime::of_object(Some(app.data_name()), &twin.name, &body));
            }
        }
    }
}

/// An app under the name of its data, as it names others under the names of theirs.
fn named_as_its_data(app: &App, renamed: &BTreeMap<&str, &Name>) -> App {
    let mut app = App { name: app.data_name().clone(), was: None, ..app.clone() };
    let definition = Arc::clone(&app.definition);
    let names_apps = |name: &String| {
        let kind = definition.settings.get(name).map(|setting| &setting.kind);
        matches!(kind, Some(SettingType::Reference(what)) if !matches!(what.as_str(), "cluster" | "offer"))
    };
    for (_, setting) in app.settings.iter_mut().filter(|(name, _)| names_apps(name)) {
        if let Value::Text(text) = &setting.value
            && let Some(name) = renamed.get(&*text.text)
        {
            let value = Value::Text(Text { text: name.as_str().into(), ..text.clone() });
            *setting = Arc::new(Setting { value, ..Setting::clone(setting) });
        }
    }
    app
}
