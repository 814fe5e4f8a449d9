//! Objects on their way: the body without its metadata, until labels, patches and the order are put on.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::once::OneTime;
use super::tree::{Finished, Tree, tree};
use super::{Object, ObjectId, Stage, naming};
use crate::kind::{self, GroupKind};
use crate::model::{App, Garden, Organisation};
use crate::name::Name;
use crate::source::Span;

/// An object without its metadata.
#[derive(Clone, Debug)]
pub(super) struct ObjectDraft {
    pub(crate) api_version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    /// The part of the app that it belongs to (a workload, job or need); absent for the whole app or organisation.
    pub(crate) component: Option<String>,
    pub(crate) annotations: Tree,
    /// Labels beside the usual ones.
    pub(crate) labels: Tree,
    /// `spec`, `data`, … .
    pub(crate) body: Tree,
    /// When it is applied.
    pub(crate) stage: Stage,
    /// Of a Job that runs once: for what.
    pub(crate) once: Option<OneTime>,
    /// The line that asked for it.
    pub(crate) origin: Span,
}

impl ObjectDraft {
    /// An object without component and annotations, at the stage of its kind.
    pub(crate) fn new(api_version: &'static str, kind: &'static str, name: String, body: Tree, origin: Span) -> Self {
        let group = kind::group_of(api_version);
        debug_assert!(kind::find(group, kind).is_some(), "`{kind}` of `{group}` has no row in src/kind/table.rs");
        Self {
            api_version,
            kind,
            name,
            component: None,
            annotations: Tree::ABSENT,
            labels: Tree::ABSENT,
            body,
            stage: kind::facts(group, kind).stage,
            once: None,
            origin,
        }
    }

    /// The same at another stage than that of its kind.
    #[must_use]
    pub(crate) fn stage(self, stage: Stage) -> Self {
        Self { stage, ..self }
    }

    pub(crate) fn group_kind(&self) -> GroupKind {
        GroupKind::of(self.api_version, self.kind)
    }

    /// The same as what runs once.
    #[must_use]
    pub(crate) fn once(self, once: OneTime) -> Self {
        Self { once: Some(once), ..self }
    }

    /// The same for a part of the app.
    #[must_use]
    pub(crate) fn component(self, component: &str) -> Self {
        Self { component: Some(component.to_owned()), ..self }
    }

    /// The same with annotations.
    #[must_use]
    pub(crate) fn annotated(self, annotations: Tree) -> Self {
        Self { annotations, ..self }
    }
}

/// Whose an object is: what its labels say.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    garden: Name,
    organisation: Name,
    app: Option<(Name, Name, String)>,
    applyset: Arc<str>,
}

impl Owner {
    /// The organisation itself.
    pub(crate) fn organisation(garden: &Garden, organisation: &Organisation) -> Self {
        Self {
            garden: garden.name.clone(),
            organisation: organisation.name.clone(),
            app: None,
            applyset: naming::applyset(&garden.name, &organisation.name).into(),
        }
    }

    /// One of its apps.
    #[must_use]
    pub(crate) fn app(&self, app: &App) -> Self {
        let version = naming::label_value(&app.release.version);
        Self { app: Some((app.name.clone(), app.definition.name.clone(), version)), ..self.clone() }
    }

    /// The labels of an object.
    pub(crate) fn labels(&self, component: Option<&str>) -> BTreeMap<String, String> {
        let mut labels = self.pod_labels(component);
        labels.insert("applyset.kubernetes.io/part-of".into(), self.applyset.to_string());
        labels
    }

    /// The labels of a pod: those of its object, without the ApplySet's, since pods are no members of it.
    pub(crate) fn pod_labels(&self, component: Option<&str>) -> BTreeMap<String, String> {
        let mut labels = BTreeMap::new();
        let mut put = |key: &str, value: &str| {
            if !value.is_empty() {
                labels.insert(key.to_owned(), value.to_owned());
            }
        };
        put("app.kubernetes.io/managed-by", "parcelle");
        put("app.kubernetes.io/part-of", self.organisation.as_str());
        put("parcelle.dev/garden", self.garden.as_str());
        put("parcelle.dev/organisation", self.organisation.as_str());
        if let Some((app, definition, version)) = &self.app {
            put("app.kubernetes.io/instance", app.as_str());
            put("app.kubernetes.io/name", definition.as_str());
            put("app.kubernetes.io/version", version);
            put("parcelle.dev/app", app.as_str());
        }
        put("app.kubernetes.io/component", component.unwrap_or_default());
        labels
    }

    /// What selects the pods of a part, and never changes.
    pub(crate) fn selector(&self, component: &str) -> BTreeMap<String, String> {
        let mut labels = self.pod_labels(Some(component));
        labels.retain(|key, _| key == "app.kubernetes.io/component" || key == "parcelle.dev/app");
        labels
    }

    /// The whole object.
    pub(crate) fn finish(&self, draft: ObjectDraft) -> Object {
        let id = self.id(draft.api_version, draft.kind, &draft.name);
        let facts = id.facts();
        let mut labels = Tree::from(self.labels(draft.component.as_deref()));
        labels.merge(draft.labels);
        let mut body = draft.body.at(draft.origin);
        body.set("apiVersion", draft.api_version);
        body.set("kind", draft.kind);
        body.set(
            "metadata",
            tree! {
                "name": draft.name.as_str(),
                "namespace": facts.namespaced.then(|| self.organisation.as_str()),
                "labels": labels,
                "annotations": draft.annotations,
            },
        );
        let Finished { value: body, origins, by_hand } = body.finish();
        let is_job = || OneTime::is_kind(GroupKind::of(draft.api_version, draft.kind));
        let once = draft.once.or_else(|| {
            is_job().then(|| OneTime::of_object(self.app.as_ref().map(|(app, _, _)| app), &draft.name, &body))
        });
        Object {
            once,
            holds_data: facts.holds_data_in(&body),
            id,
            body,
            origins,
            by_hand,
            app: self.app.as_ref().map(|(app, _, _)| app.clone()),
            stage: draft.stage,
        }
    }

    /// The id of an object of this owner.
    pub(crate) fn id(&self, api_version: &str, kind: &str, name: &str) -> ObjectId {
        let namespaced = kind::facts(kind::group_of(api_version), kind).namespaced;
        let namespace = if namespaced { self.organisation.as_str() } else { "" };
        ObjectId { api_version: api_version.into(), kind: kind.into(), namespace: namespace.into(), name: name.into() }
    }
}
