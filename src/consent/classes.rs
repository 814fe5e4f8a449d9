//! What kind of change it is: by what is written otherwise, and by what is rendered otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::impact::edits::{EditedLines, Part, Touched};
use crate::model::{Class, Garden, Life, Organisation};
use crate::name::Name;
use crate::render::{self, Object, OrganisationObjects};

/// Two states of a garden; absent where a commit has none that can be read.
#[derive(Clone, Copy)]
pub(crate) struct Between<'a> {
    pub(crate) before: Option<&'a Garden>,
    pub(crate) after: Option<&'a Garden>,
    /// The edits that lead from one state to the other.
    pub(crate) edits: &'a EditedLines,
    /// The moment at which both are rendered.
    pub(crate) now: jiff::Timestamp,
}

/// An organisation in a state of a garden.
#[derive(Clone, Copy)]
pub(super) enum KnownOrganisation<'a> {
    /// There is none of its name.
    Not,
    /// A finding stops it: what it means is not known.
    Stopped,
    Sound(&'a Garden, &'a Arc<Organisation>),
}

impl<'a> KnownOrganisation<'a> {
    pub(super) fn of(garden: Option<&'a Garden>, name: &Name) -> Self {
        let Some(garden) = garden else { return Self::Stopped };
        match garden.organisations.get(name) {
            Some(organisation) => Self::Sound(garden, organisation),
            None if garden.broken.contains(name) => Self::Stopped,
            None => Self::Not,
        }
    }
}

impl Between<'_> {
    fn rendered(&self, garden: &Garden, organisation: &Organisation) -> OrganisationObjects {
        render::organisation(garden, organisation, self.now)
    }

    /// The organisations of both states, by name.
    pub(crate) fn names(&self) -> BTreeSet<Name> {
        let all = self.before.into_iter().chain(self.after);
        all.flat_map(|garden| garden.organisations.keys().chain(&garden.broken)).cloned().collect()
    }

    /// What kinds of change it is, by what it does; who wrote it is not asked here.
    pub(crate) fn classes(&self) -> BTreeSet<Class> {
        let mut classes: BTreeSet<Class> = self.edits.touched().flat_map(by_words).copied().collect();
        if self.edits.is_cut() || self.before.is_none() || self.after.is_none() {
            // What cannot be looked at may be anything.
            classes.extend([Class::Deletions, Class::Data, Class::Offers, Class::People, Class::Clusters]);
        }
        for name in self.names() {
            self.of_organisation(&name, &mut classes);
        }
        classes
    }

    /// Whether an edit is about an organisation.
    fn touches(&self, name: &Name) -> bool {
        self.edits
            .touched()
            .any(|touched| matches!(touched.part, Part::Organisation(owner) if owner.as_str() == name.as_str()))
    }

    fn of_organisation(&self, name: &Name, classes: &mut BTreeSet<Class>) {
        let nothing = || (BTreeMap::new(), BTreeMap::new());
        match (KnownOrganisation::of(self.before, name), KnownOrganisation::of(self.after, name)) {
            (KnownOrganisation::Sound(was, before), KnownOrganisation::Sound(is, after)) => {
                if Arc::ptr_eq(before, after) && is_rendered_by_the_same(was, is) {
                    return;
                }
                let offer = |one: &Organisation| one.offer.as_ref().map(|offer| offer.name.clone());
                if offer(before) != offer(after) {
                    classes.insert(Class::Offers);
                }
                if before.cluster.name != after.cluster.name {
                    classes.extend([Class::Clusters, Class::Data]);
                }
                if is_newly_retired(before, after) {
                    classes.extend([Class::Deletions, Class::Data]);
                }
                let (before, after) = (self.rendered(was, before), self.rendered(is, after));
                by_objects(&parts(&before), &parts(&after), classes);
            }
            (KnownOrganisation::Sound(was, before), KnownOrganisation::Not) => {
                classes.insert(Class::Deletions);
                by_objects(&parts(&self.rendered(was, before)), &nothing(), classes);
            }
            (KnownOrganisation::Stopped, KnownOrganisation::Stopped) if !self.edits.is_cut() && !self.touches(name) => {
            }
            // What a finding stops is left as it is applied, and renders to nothing: whatever its words do comes with the step that
            // mends it, and may be anything.
            (KnownOrganisation::Stopped, _) | (_, KnownOrganisation::Stopped) => {
                classes.extend([Class::Deletions, Class::Data, Class::Offers]);
            }
            _ => {}
        }
    }
}

/// Whether two states of a garden render an organisation that is the same alike.
pub(super) fn is_rendered_by_the_same(before: &Garden, after: &Garden) -> bool {
    let hold = |garden: &Garden| garden.hold.as_ref().map(|hold| hold.value.clone());
    before.name == after.name && hold(before) == hold(after) && before.deletions.keep_data == after.deletions.keep_data
}

/// Whether something goes on its day that did not before, or goes sooner.
fn is_newly_retired(before: &Organisation, after: &Organisation) -> bool {
    let sooner = |before: Option<u64>, after: Option<u64>| match (before, after) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(before), Some(after)) => after < before,
    };
    let app = |organisation: &Organisation, name: &Name| match organisation.apps.get(name).map(|app| &app.life) {
        Some(Life::Retired(retired)) => Some(retired.keep_data.amount),
        _ => None,
    };
    let whole = |organisation: &Organisation| organisation.retired.as_ref().map(|retired| retired.keep_data.amount);
    let need =
        |organisation: &Organisation, name: &str| organisation.retired_needs.get(name).map(|one| one.keep_data.amount);
    sooner(whole(before), whole(after))
        || after.apps.keys().any(|name| sooner(app(before, name), app(after, name)))
        || after.retired_needs.keys().any(|name| sooner(need(before, name), need(after, name)))
}

/// The kinds of change that a word stands for.
fn by_words(touched: Touched<'_>) -> &'static [Class] {
    match touched.part {
        Part::Offer(_) => &[Class::Offers],
        Part::Cluster(_) | Part::Definition(_) => &[Class::Clusters],
        // Of what is no tree of known words nobody can say what it was.
        Part::Other => &[Class::People, Class::Clusters],
        Part::Garden => match touched.path.get(1).map(String::as_str) {
            Some("people" | "consent" | "review") => &[Class::People],
            Some("ceiling") => &[Class::Offers],
            Some("deletions") => &[Class::Deletions, Class::Data],
            Some("title" | "hold") => &[],
            Some(_) => &[Class::Clusters],
            None => &[Class::People, Class::Clusters],
        },
        Part::Organisation(_) if touched.is_of(&["backup"]) => &[Class::Data],
        Part::Organisation(_) => &[],
    }
}

/// Objects by what they are, and requested Secrets.
type Parts<'a> = (BTreeMap<String, &'a Object>, BTreeMap<String, &'a render::SecretRequest>);

fn parts(objects: &OrganisationObjects) -> Parts<'_> {
    let each = objects.objects.iter().map(|object| (object.id.to_string(), object)).collect();
    (each, objects.secrets.iter().map(|secret| (secret.id.to_string(), secret)).collect())
}

fn by_objects(before: &Parts<'_>, after: &Parts<'_>, classes: &mut BTreeSet<Class>) {
    for (id, object) in &before.0 {
        match after.0.get(id) {
            Some(now) if now.body == object.body => {}
            Some(now) if object.holds_data || now.holds_data => drop(classes.insert(Class::Data)),
            Some(_) => {}
            None => {
                classes.insert(Class::Deletions);
                if object.holds_data {
                    classes.insert(Class::Data);
                }
            }
        }
    }
    if before.1.keys().any(|id| !after.1.contains_key(id)) {
        classes.insert(Class::Deletions);
    }
}
