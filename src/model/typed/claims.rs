//! Claims to hosts, domains and sender domains: what an organisation says, and what it may have in a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{App, Organisation};
use crate::expression::{Budget, Value};
use crate::model::definition::{NeedKind, environment};
use crate::model::domain::domain_of;
use crate::name::Name;
use crate::source::Spanned;

/// The hosts, domains and sender domains of one organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// Hosts, each with the apps that it leads to.
    pub(crate) hosts: BTreeMap<String, BTreeSet<Name>>,
    /// Domains that it has whole: every host inside is its own, or lent by it.
    pub(crate) domains: BTreeSet<String>,
    /// Domains as which its apps send mail.
    pub(crate) senders: BTreeSet<String>,
}

impl Claims {
    /// What an organisation claims as the garden writes it.
    pub(crate) fn of(organisation: &Organisation) -> Self {
        let mut claims = Self { domains: domain_of(organisation).into_iter().collect(), ..Self::default() };
        for app in organisation.apps.values() {
            app.hosts.iter().for_each(|host| claims.add_host(&host.value, Some(&app.name)));
            claims
                .senders
                .extend(senders(organisation, app, &Arc::new(Budget::of_app())).into_iter().map(|sender| sender.value));
        }
        claims
    }

    /// Adds a host; one that stands for all hosts below it is a domain.
    pub(crate) fn add_host(&mut self, host: &str, app: Option<&Name>) {
        match host.strip_prefix("*.") {
            Some(domain) => drop(self.domains.insert(domain.to_owned())),
            None => self.hosts.entry(host.to_owned()).or_default().extend(app.cloned()),
        }
    }

    /// Adds what is claimed besides.
    pub(crate) fn extend(&mut self, other: Self) {
        let Self { hosts, domains, senders } = other;
        for (host, apps) in hosts {
            self.hosts.entry(host).or_default().extend(apps);
        }
        self.domains.extend(domains);
        self.senders.extend(senders);
    }

    /// Whether a host or domain is among them.
    pub(crate) fn hold(&self, name: &str) -> bool {
        self.hosts.contains_key(name) || self.domains.contains(name) || self.senders.contains(name)
    }

    /// The first claim that is not among others.
    pub(crate) fn first_beyond<'a>(&'a self, others: &Self) -> Option<&'a str> {
        let hosts = self.hosts.keys().filter(|host| !others.hosts.contains_key(*host));
        let domains = self.domains.iter().filter(|domain| !others.domains.contains(*domain));
        let senders = self.senders.iter().filter(|sender| !others.senders.contains(*sender));
        hosts.chain(domains).chain(senders).map(String::as_str).next()
    }
}

/// The domains as which an app sends mail, where its organisation decides them: by `mail from=`, or by a setting of which the
/// definition makes a sender, as far as that can be computed within a budget.
pub(crate) fn senders(organisation: &Organisation, app: &App, budget: &Arc<Budget>) -> Vec<Spanned<String>> {
    let domain = |address: &str| Some(address.split_once('@')?.1.trim_end_matches('.').to_lowercase());
    if let Some(from) = app.settings.get("mail").and_then(|mail| mail.props.get("from")) {
        let own = Some(from).filter(|from| from.span.file == organisation.file);
        return own.and_then(|from| Some(Spanned::new(domain(&from.text)?, from.span))).into_iter().collect();
    }
    let needs = app.definition.needs.iter().map(|need| &need.item).filter(|need| need.kind == NeedKind::Mail);
    let said = needs.filter(|need| need.options.get("from").is_some_and(|from| !from.value.is_literal()));
    let from = said.filter_map(|need| match need.option("from", &environment(organisation, app).within(budget))? {
        Value::Text(from) => Some(Spanned::new(domain(&from.text)?, app.span)),
        _ => None,
    });
    from.collect()
}
