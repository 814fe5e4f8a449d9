//! No two parts want the same object, and none wants a name that an operator gives.

use std::collections::BTreeMap;

use crate::finding::{Code, Finding, Findings};
use crate::kind;
use crate::render::{Object, ObjectId, SecretRequest};
use crate::source::Span;

/// One object wanted twice.
pub(crate) const CLASH: Code = Code::new("E0450");

/// Every object and Secret of an organisation, before one of two with the same id is dropped.
pub(in crate::render) fn check(objects: &[Object], secrets: &[SecretRequest], findings: &mut Findings) {
    let of_objects = objects.iter().filter_map(|object| Some((&object.id, object.origins.of("")?)));
    let ids: Vec<(&ObjectId, Span)> =
        of_objects.chain(secrets.iter().map(|secret| (&secret.id, secret.origin))).collect();
    let mut taken: BTreeMap<ObjectId, (Span, String)> = BTreeMap::new();
    for (id, origin) in &ids {
        for derived in derived(id) {
            taken.insert(derived, (*origin, format!("the operator makes it for {} `{}`", id.kind, id.name)));
        }
    }
    for (id, origin) in ids {
        match taken.get(id) {
            Some((first, note)) => findings.push(clash(id, origin, *first, note)),
            None => drop(taken.insert(id.clone(), (origin, "here first".to_owned()))),
        }
    }
}

/// The objects that an operator makes beside this one.
pub(super) fn derived(id: &ObjectId) -> impl Iterator<Item = ObjectId> {
    id.facts().makes.iter().flat_map(move |made| {
        made.endings.iter().map(move |ending| ObjectId {
            api_version: made.api_version.into(),
            kind: made.kind.into(),
            namespace: id.namespace.clone(),
            name: format!("{}{ending}", id.name).into(),
        })
    })
}

/// The object for which an operator makes a Secret of this name.
pub(crate) fn maker_of_secret<'a>(objects: &'a [Object], secret: &str) -> Option<&'a ObjectId> {
    let makes = |object: &&Object| {
        // Garage writes its keys under a name that it is told.
        object.body.pointer("/spec/secretTemplate/name").and_then(|name| name.as_str()) == Some(secret)
            || derived(&object.id).any(|derived| derived.is(kind::SECRET) && *derived.name == *secret)
    };
    objects.iter().find(makes).map(|object| &object.id)
}

fn clash(id: &ObjectId, origin: Span, first: Span, note: &str) -> Finding {
    Finding::refused(CLASH, format!("the {} `{}` is wanted twice", id.kind, id.name), origin)
        .also(first, note)
        .why("in a namespace there is one object of a kind and name")
        .help("give the app, or the part of its definition, another name")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    fn titles(change: impl FnOnce(&mut crate::model::App)) -> Vec<String> {
        let garden = sample::garden();
        let mut organisation = sample::organisation(&garden);
        let mut app = organisation.apps["cloud"].clone();
        change(&mut app);
        organisation.apps.insert(app.name.clone(), app);
        let mut findings = Findings::default();
        let allowance = &mut crate::render::RenderAllowance::of_organisation();
        crate::render::with_findings(&garden, &organisation, jiff::Timestamp::UNIX_EPOCH, allowance, &mut findings);
        findings.iter().map(|finding| finding.title.clone()).collect()
    }

    #[test]
    fn an_app_that_takes_the_names_of_the_database_is_found() {
        let titles = titles(|app| {
            app.name = sample::name("postgres");
            let mut definition = (*app.definition).clone();
            definition.workloads[0].item.name.value = sample::name("rw");
            app.definition = std::sync::Arc::new(definition);
        });
        assert_eq!(
            titles,
            ["the ServiceAccount `postgres` is wanted twice", "the Service `postgres-rw` is wanted twice"]
        );
    }

    #[test]
    fn an_app_renamed_onto_the_data_of_another_is_found() {
        let titles = titles(|app| {
            app.name = sample::name("other");
            app.was = Some(crate::source::Spanned::new(sample::name("cloud"), sample::ORGANISATION));
        });
        assert!(titles.contains(&"the PersistentVolumeClaim `cloud-html` is wanted twice".to_owned()), "{titles:?}");
    }

    #[test]
    fn the_operator_of_one_group_makes_nothing_for_a_kind_of_another() {
        let made = |api_version: &str| {
            let id = ObjectId {
                api_version: api_version.into(),
                kind: "Cluster".into(),
                namespace: "o".into(),
                name: "a".into(),
            };
            derived(&id).count()
        };
        assert_eq!((made("postgresql.cnpg.io/v1"), made("cluster.x-k8s.io/v1beta1")), (11, 0));
    }

    #[test]
    fn two_ordinary_apps_get_along() {
        assert_eq!(titles(|app| app.name = sample::name("second")), [] as [String; 0]);
    }
}
