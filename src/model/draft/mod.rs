//! Documents read into typed data, as far as they can be understood: what cannot be is a finding, and of the rest nothing is
//! concluded. Nothing here knows the rules, nor what was read before.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::Organisation;
use crate::name::Name;
use crate::schema::CheckedFile;
use crate::source::{Span, Spanned};
use crate::syntax::Node;

mod app;
pub(super) mod cluster;
mod consent;
mod consent_rules;
mod derived;
mod doubt;
mod file;
pub(super) mod garden;
mod hosts;
mod layers;
pub(super) mod offer;
pub(super) mod organisation;
mod settings;
mod sign_on;
pub(super) mod top_level;
mod context;

pub(super) use context::ReadContext;
pub(super) use doubt::Doubt;
pub(super) use file::FileReading;
pub(crate) use hosts::NO_HOST;
pub(crate) use organisation::TOO_MANY_APPS;

/// Which words of an organisation could be resolved; rules conclude nothing from the others.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "five words of a file, each resolved or not on its own")]
pub(super) struct Resolved {
    /// Its cluster is one of the garden's; a stand-in otherwise.
    pub(crate) cluster: bool,
    /// Its domain is as it says, not left open by a finding.
    pub(crate) domain: bool,
    /// No finding is about what may have been meant as one of its apps.
    pub(crate) apps: bool,
    /// Its offer is one of the garden's, or it names none.
    pub(crate) offer: bool,
    /// No finding is about what it lends.
    pub(crate) delegates: bool,
}

/// An organisation as far as it could be read; rules look at it also where findings stop it.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    /// What was understood.
    pub(crate) organisation: Arc<Organisation>,
    /// Its whole node.
    pub(crate) whole: Span,
    pub(crate) resolved: Resolved,
    /// Apps about which there is a finding: nothing is concluded from their settings.
    pub(crate) unsound: BTreeSet<Name>,
    /// Apps that are written but of no known definition.
    pub(crate) unbuilt: BTreeSet<Name>,
    /// Definitions that its apps name.
    pub(crate) uses: BTreeSet<String>,
    /// Whether it has hosts outside its domain.
    pub(crate) strays: bool,
    /// Its apps that ask for backups and hold what can be lost.
    pub(crate) backed_up: Vec<Name>,
    /// The domains as which its apps send mail.
    pub(crate) senders: Vec<Spanned<String>>,
    /// Its file, and where it stands in it.
    file: Arc<CheckedFile>,
    at: usize,
}

impl Draft {
    /// The whole node, for what is looked up in it as written.
    pub(super) fn node(&self) -> &Node {
        &self.file.document.nodes[self.at]
    }

    /// The same without these hosts of its retired apps, which give them to whoever asks for them.
    pub(super) fn without_hosts(&self, hosts: &BTreeSet<String>) -> Self {
        let mut organisation = Organisation::clone(&self.organisation);
        for app in organisation.apps.values_mut().filter(|app| app.life.is_retired()) {
            app.hosts.retain(|host| !hosts.contains(&host.value));
        }
        Self { organisation: Arc::new(organisation), ..self.clone() }
    }
}
