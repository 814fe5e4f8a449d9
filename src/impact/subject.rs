//! One organisation of a plan with what is known of it besides: what is rendered of it, and what was rendered of what is
//! applied. Nothing is opened or rendered before somebody asks.

use std::cell::OnceCell;

use serde_json::Value;

use super::{AppliedGarden, ImpactContext};
use crate::model::{App, Organisation};
use crate::name::Name;
use crate::plan::{Action, OrganisationPlan, Place};
use crate::render::{self, ObjectId, OrganisationObjects};
use crate::source::Span;

/// One organisation of a plan.
pub(super) struct PlannedOrganisation<'a> {
    pub(super) plan: &'a OrganisationPlan,
    pub(super) context: ImpactContext<'a>,
    after: OnceCell<Option<OrganisationObjects>>,
    before: OnceCell<Option<OrganisationObjects>>,
}

impl<'a> PlannedOrganisation<'a> {
    pub(super) fn new(plan: &'a OrganisationPlan, context: ImpactContext<'a>) -> Self {
        Self { plan, context, after: OnceCell::new(), before: OnceCell::new() }
    }

    /// Its name.
    pub(super) fn name(&self) -> &'a Name {
        &self.plan.organisation
    }

    /// The organisation as the garden says it.
    pub(super) fn written(&self) -> Option<&'a Organisation> {
        self.context.garden.organisations.get(self.name()).map(|organisation| &**organisation)
    }

    /// The same as it is applied; `None` where nothing is, or where that is not known.
    pub(super) fn applied(&self) -> Option<&'a Organisation> {
        match self.context.applied {
            AppliedGarden::Unknown => None,
            AppliedGarden::Commit { garden, .. } => garden.organisations.get(self.name()).map(|one| &**one),
            AppliedGarden::Past(past) => past.states(self.name()).next(),
        }
    }

    /// Whether it is known that nothing of it is applied.
    pub(super) fn is_new(&self) -> bool {
        matches!(self.context.applied, AppliedGarden::Commit { garden, .. }
            if !garden.organisations.contains_key(self.name()) && !garden.broken.contains(self.name()))
    }

    /// An app as the garden says it.
    pub(super) fn app(&self, name: &Name) -> Option<&'a App> {
        self.written()?.apps.get(name)
    }

    /// What is rendered of it.
    pub(super) fn after(&self) -> Option<&OrganisationObjects> {
        let open = || self.context.objects.get(self.name()).map(|packed| packed.open());
        self.after.get_or_init(open).as_ref()
    }

    /// What was rendered of what is applied, where that is known.
    pub(super) fn before(&self) -> Option<&OrganisationObjects> {
        let open = || match self.context.applied {
            AppliedGarden::Unknown => None,
            AppliedGarden::Commit { objects, .. } => objects.get(self.name()).map(|packed| packed.open()),
            // What an organisation takes and the shape of its objects are the same at every hour.
            AppliedGarden::Past(_) => {
                let applied = self.applied()?;
                Some(render::organisation(self.context.garden, applied, jiff::Timestamp::UNIX_EPOCH))
            }
        };
        self.before.get_or_init(open).as_ref()
    }

    /// An object as it will be.
    pub(super) fn body(&self, id: &ObjectId) -> Option<&Value> {
        body_in(self.after()?, id)
    }

    /// An object as it was rendered of what is applied; else as it will be.
    pub(super) fn body_before(&self, id: &ObjectId) -> Option<&Value> {
        self.before().and_then(|objects| body_in(objects, id))
    }

    /// What is written now.
    pub(super) fn writes(&self) -> impl Iterator<Item = &'a Action> + use<'a> {
        self.plan.actions.iter().filter(|action| action.verb().writes())
    }

    /// The place of a span.
    pub(super) fn place(&self, span: Span) -> Place {
        Place::of(self.context.sources, span)
    }
}

fn body_in<'o>(objects: &'o OrganisationObjects, id: &ObjectId) -> Option<&'o Value> {
    let same = |other: &ObjectId| other.kind == id.kind && other.name == id.name && other.group() == id.group();
    objects.objects.iter().find(|object| same(&object.id)).map(|object| &object.body)
}

/// The text at a pointer.
pub(super) fn text<'v>(body: &'v Value, pointer: &str) -> Option<&'v str> {
    body.pointer(pointer).and_then(Value::as_str)
}
