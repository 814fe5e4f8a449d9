//! What the garden says about the changing of an organisation's objects, beside the objects themselves.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::hatches::HatchLine;
use crate::kind;
use crate::model::{Adopt, AppliedApp, Claims, FieldDecision, Organisation};
use crate::name::Name;
use crate::plan::{desired_hash, hash_of};
use crate::render::Object;
use crate::source::Span;

/// What the garden says about changes of one organisation's objects.
#[derive(Clone, Debug, Default)]
pub struct Directives {
    /// Its apps, living and retired.
    pub apps: BTreeSet<Name>,
    /// The app to whom data belongs, living or retired, by the name that the data is called by: an earlier one after a renaming.
    pub data_names: BTreeMap<Name, Name>,
    /// What rules about the past will compare of its living apps.
    pub states: BTreeMap<Name, AppliedApp>,
    /// What is known by the garden of its retired apps: of which definition they are and how their data is called.
    pub retired_states: BTreeMap<Name, AppliedApp>,
    /// The domain inside which its hosts lie.
    pub domain: Option<String>,
    /// The files that it and what it uses stand in, by kind and name.
    pub files: BTreeMap<String, String>,
    /// `adopt KIND NAME`, of all its apps.
    pub adopt: Vec<Adopt>,
    /// `field KIND NAME "path" take|leave`, of all its apps.
    pub fields: Vec<FieldDecision>,
    /// The lines by which its apps go past their definitions.
    pub hatches: Vec<HatchLine>,
    /// `retired organisation`: how long its data is kept, in seconds, and where it was said.
    pub retired: Option<(u64, Span)>,
    /// `retired need NAME`: how long its data is kept, in seconds, and where it was said.
    pub retired_needs: BTreeMap<String, (u64, Span)>,
    /// Freezes the whole organisation at what is applied (its own `hold`, the garden's, an unpinned parcelle), with the reason.
    pub hold: Option<String>,
    /// Freezes it from within the cluster (`parcelle pause`), with the reason: nothing at all is written.
    pub paused: Option<String>,
    /// Objects that others keep changing back, and until when (Unix seconds) they are left as they are.
    pub truces: BTreeMap<crate::render::ObjectId, i64>,
    /// Whether the organisation and every file it uses are clean on one commit. Where not, nothing is deleted.
    pub clean: bool,
    /// The node of the organisation.
    pub span: Option<Span>,
}

impl Directives {
    /// What a checked organisation says. `hold` adds the garden's; `paused` is known from the cluster only; `files` are named
    /// by the sources.
    pub(crate) fn of(organisation: &Organisation) -> Self {
        let apps = organisation.apps.values();
        let living = apps.clone().filter(|app| !app.life.is_retired());
        Self {
            apps: organisation.apps.keys().cloned().collect(),
            data_names: apps.clone().map(|app| (app.data_name().clone(), app.name.clone())).collect(),
            states: living.map(|app| (app.name.clone(), AppliedApp::of(organisation, app))).collect(),
            retired_states: { apps.clone() }
                .filter(|app| app.life.is_retired())
                .map(|app| (app.name.clone(), AppliedApp::of_retired(app)))
                .collect(),
            domain: Claims::of(organisation).domains.into_iter().next(),
            files: BTreeMap::new(),
            adopt: apps.clone().flat_map(|app| app.adopt.iter().cloned()).collect(),
            hatches: Vec::new(),
            fields: apps.flat_map(|app| app.fields.iter().cloned()).collect(),
            retired: organisation.retired.as_ref().map(|retired| (retired.keep_data.amount, retired.span)),
            retired_needs: organisation
                .retired_needs
                .iter()
                .map(|(need, retired)| (need.clone(), (retired.keep_data.amount, retired.span)))
                .collect(),
            hold: organisation.hold.as_ref().map(|hold| hold.value.clone()),
            paused: None,
            truces: BTreeMap::new(),
            clean: true,
            span: Some(organisation.span),
        }
    }

    /// Whether `adopt` names this object.
    pub(crate) fn adopts(&self, id: &crate::render::ObjectId) -> bool {
        self.adopt.iter().any(|adopt| means(&adopt.kind, &adopt.name, id))
    }

    /// The decisions on fields of an object: of the app that it belongs to.
    pub(crate) fn about<'a>(&'a self, object: &'a Object) -> impl Iterator<Item = &'a FieldDecision> {
        self.fields.iter().filter(|decision| {
            object.app.as_ref() == Some(&decision.app) && means(&decision.kind, &decision.name, &object.id)
        })
    }

    /// The hash of what an object should be and of what is decided about its fields: where it stands still, so does what is
    /// sent.
    pub(crate) fn wanted_hash(&self, object: &Object) -> String {
        let hash = desired_hash(object);
        let decisions: Vec<Value> = self.about(object).map(|one| json!([one.path, one.take])).collect();
        if decisions.is_empty() { hash } else { hash_of(&json!([hash, decisions])) }
    }
}

/// Whether `KIND NAME` in the garden means this object: a kind is said without its group, and means the one that is
/// rendered.
pub(in crate::plan) fn means(kind: &str, name: &str, id: &crate::render::ObjectId) -> bool {
    *kind == *id.kind && *name == *id.name && kind::named(kind).is_none_or(|row| id.is(row.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::ObjectId;

    #[test]
    fn a_kind_of_another_group_is_not_meant() {
        let id = |api_version: &str| ObjectId {
            api_version: api_version.into(),
            kind: "Cluster".into(),
            namespace: "o".into(),
            name: "postgres".into(),
        };
        assert!(means("Cluster", "postgres", &id("postgresql.cnpg.io/v1")));
        assert!(!means("Cluster", "postgres", &id("cluster.x-k8s.io/v1beta1")));
    }
}
