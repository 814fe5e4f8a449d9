//! Claims to hosts, domains and sender domains: what an organisation says, and what it may have in a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{App, EnvValue, Organisation};
use crate::expression::{Budget, Value};
use crate::model::definition::{NeedKind, SenderPart, environment, sender_variables};
use crate::model::domain::domain_of;
use crate::name::Name;
use crate::schema::scalar::{is_email, is_local};
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

/// The domains as which an app sends mail, where its organisation decides them: by `mail from=`, by a setting of which the
/// definition makes a sender, or by a variable of its own in place of one that says the sender; as far as that can be computed
/// within a budget.
pub(crate) fn senders(organisation: &Organisation, app: &App, budget: &Arc<Budget>) -> Vec<Spanned<String>> {
    let mut senders = said_senders(organisation, app, budget);
    if app.env.is_empty() {
        return senders;
    }
    let variables = sender_variables(&app.definition);
    let own = app.env.iter().filter(|(_, value)| value.span.file == organisation.file);
    for (name, value) in own {
        if let (Some(part), EnvValue::Text(text)) = (variables.get(name.as_str()), &value.value) {
            senders.extend(domains_said(*part, text).into_iter().map(|domain| Spanned::new(domain, value.span)));
        }
    }
    senders
}

/// The domains that the value of a variable says; the whole value where it is not plain which they are.
fn domains_said(part: SenderPart, text: &str) -> Vec<String> {
    let named = |text: &str| {
        let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '.' && letter != '-');
        text[..end.unwrap_or(text.len())].trim_end_matches('.').to_lowercase()
    };
    let after_at = || text.split('@').skip(1).map(named).collect::<Vec<_>>();
    match part {
        _ if text.is_empty() => Vec::new(),
        SenderPart::Domain => vec![text.trim_end_matches('.').to_lowercase()],
        SenderPart::Local if text.bytes().all(is_local) => Vec::new(),
        SenderPart::Address | SenderPart::Local => {
            let is_plain = text.bytes().all(|byte| is_local(byte) || b"@<> ".contains(&byte));
            if is_plain && text.contains('@') { after_at() } else { vec![text.to_owned()] }
        }
    }
}

fn said_senders(organisation: &Organisation, app: &App, budget: &Arc<Budget>) -> Vec<Spanned<String>> {
    let domain = |address: &str| Some(address.split_once('@')?.1.trim_end_matches('.').to_lowercase());
    if let Some(from) = app.settings.get("mail").and_then(|mail| mail.props.get("from")) {
        let own = Some(from).filter(|from| from.span.file == organisation.file && is_email(&from.text));
        return own.and_then(|from| Some(Spanned::new(domain(&from.text)?, from.span))).into_iter().collect();
    }
    let needs = app.definition.needs.iter().map(|need| &need.item).filter(|need| need.kind == NeedKind::Mail);
    let said = needs.filter(|need| need.options.get("from").is_some_and(|from| !from.value.is_literal()));
    let from = said.filter_map(|need| match need.option("from", &environment(organisation, app).within(budget))? {
        Value::Text(from) => Some(domains_said(SenderPart::Address, &from.text)),
        _ => None,
    });
    from.flatten().map(|domain| Spanned::new(domain, app.span)).collect()
}
