//! How clusters meet needs: one file a provider.
//!
//! A provider says in values what an app may name (its outputs), which objects it asks for, who must reach whom, how much
//! it takes of the offer. It decides nothing with a clock or a server.

mod backup;
mod cloudnative_pg;
mod garage;
mod gateway_api;
mod grounds;
mod ingress;
mod percona;
mod reach;
mod relay;
mod route;
mod s3;
mod secret;
mod sign_on;
mod storage_class;
mod valkey;
mod wants;

pub(crate) use grounds::grounds;
pub(crate) use wants::Want;
pub use wants::{copied_from, wants};

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::draft::{ObjectDraft, Owner};
use super::flow::{Flow, Peer};
use super::life::Now;
use super::scope::AppScope;
use super::tree::Tree;
use super::{Contribution, Generated, ResourceName, SecretRequest, SecretSource, naming};
use crate::expression::{SecretRef, Value};
use crate::kind;
use crate::model::definition::{Need, NeedKind, NeedOption, Workload};
use crate::model::{App, Organisation, ProviderChoice, Setting};
use crate::name::Name;
use crate::quantity::{Dimension, Quantity};
use crate::source::Span;

pub(super) use backup::{BackupTarget, flows as backup_flows};
pub(super) use cloudnative_pg::{POOLER_REQUESTS, cluster as database_cluster};
pub(super) use sign_on::clients;

/// A need of an app, asked of a cluster.
pub(super) struct NeedContext<'a> {
    pub(crate) organisation: &'a Organisation,
    pub(crate) app: &'a App,
    pub(crate) scope: &'a AppScope<'a>,
    pub(crate) owner: &'a Owner,
    pub(crate) now: &'a Now,
    pub(crate) need: &'a Need,
    /// The app's workloads that exist.
    pub(crate) workloads: &'a [(AppScope<'a>, Cow<'a, Workload>)],
}

/// How a need is met.
#[derive(Default)]
pub(super) struct Met {
    /// What `needs.NAME.…` yields.
    pub(crate) outputs: BTreeMap<String, Value>,
    /// Objects of the app.
    pub(crate) drafts: Vec<ObjectDraft>,
    /// Secrets to be made.
    pub(crate) secrets: Vec<SecretRequest>,
    /// Who must reach whom.
    pub(crate) flows: Vec<Flow>,
    /// What it takes of the offer.
    pub(crate) contributions: Vec<Contribution>,
    /// What comes on top of it: backups while they run.
    pub(crate) overhead: Vec<Contribution>,
    /// The volume to mount, where it is one.
    pub(crate) claim: Option<Claim>,
    /// The organisation's database cluster must exist.
    pub(crate) database: bool,
}

/// A volume that pods mount.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    /// The claim's name; in a StatefulSet of several replicas the name of the template.
    pub(crate) name: String,
    /// Whether several nodes may mount it at once.
    pub(crate) shared: bool,
    /// Its size in bytes.
    pub(crate) bytes: u64,
    pub(crate) spec: Tree,
    /// The line that asked for it.
    pub(crate) origin: Span,
}

/// Meets a need as the cluster says, and backs it up where its app says so.
pub(super) fn meet(asked: &NeedContext) -> Met {
    let mut met = met(asked);
    if let Some(backup) = &asked.now.backup {
        backup::add(asked, backup, &mut met);
    }
    met
}

/// One that the cluster does not provide yields nothing: it was refused before.
fn met(asked: &NeedContext) -> Met {
    match asked.need.kind {
        NeedKind::Secret => return secret::meet(asked),
        NeedKind::SignOn => return sign_on::meet(asked),
        NeedKind::Outward => return Met { flows: asked.outward(), ..Met::default() },
        _ => {}
    }
    let provides = &asked.organisation.cluster.provides;
    let Some(choice) = provides.get(asked.need.kind.word()) else { return Met::default() };
    match (asked.need.kind, choice.provider.value.as_str()) {
        (NeedKind::Postgres, "cloudnative-pg") => cloudnative_pg::meet(asked, choice),
        (NeedKind::Mongodb, "percona") => percona::meet(asked, choice),
        (NeedKind::Redis, "valkey") => valkey::meet(asked, choice),
        (NeedKind::Bucket, "garage") => garage::meet(asked, choice),
        (NeedKind::Bucket, "s3") => s3::meet(asked, choice),
        (NeedKind::Volume, "storage-class") => storage_class::meet(asked, choice),
        (NeedKind::Route, "gateway-api") => gateway_api::meet(asked, choice),
        (NeedKind::Route, "ingress") => ingress::meet(asked, choice),
        (NeedKind::Mail, "relay") => relay::meet(asked, choice),
        _ => Met::default(),
    }
}

impl NeedContext<'_> {
    /// The pods of the app.
    pub(crate) fn pods(&self) -> Peer {
        Peer::App(self.app.name.clone())
    }

    /// Leave for the app to reach what is outside by https.
    pub(crate) fn outward(&self) -> Vec<Flow> {
        reach::outward(self.organisation, &self.pods(), 443, self.need.span)
    }

    /// The need's name.
    pub(crate) fn name(&self) -> &str {
        self.need.name.value.as_str()
    }

    /// The app's name in the names of what holds data: the earlier one after a renaming.
    pub(crate) fn data_name(&self) -> &Name {
        self.app.data_name()
    }

    /// An option of the need, as the definition wrote it.
    pub(crate) fn written(&self, name: &str) -> Option<&NeedOption> {
        self.need.options.get(name)
    }

    /// The value of an option; `on` and `off` are true and false.
    pub(crate) fn option(&self, name: &str) -> Option<Value> {
        self.need.option(name, self.scope.environment())
    }

    /// The text of an option, with its place.
    pub(crate) fn text(&self, name: &str) -> Option<(String, Span)> {
        let written = self.written(name)?;
        match self.option(name)? {
            Value::Text(text) if !text.text.is_empty() => {
                Some((text.text.to_string(), self.scope.origin_of_option(&written.value, written.span)))
            }
            _ => None,
        }
    }

    /// The texts of an option; none where it is not said.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let text = |value: Value| match value {
            Value::Text(text) => Some(text.text.to_string()),
            _ => None,
        };
        match self.option(name) {
            Some(Value::List(items)) => items.into_iter().filter_map(text).collect(),
            Some(value) => text(value).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// An amount of an option, with the line that decided it.
    pub(crate) fn amount(&self, name: &str, dimension: Dimension) -> Option<(Quantity, Span)> {
        let written = self.written(name)?;
        let quantity = self.scope.quantity(&written.value, dimension)?;
        Some((quantity, self.scope.origin_of_option(&written.value, written.span)))
    }

    /// The bytes that the need asks for.
    pub(crate) fn size(&self) -> Option<(Quantity, Span)> {
        self.amount("size", Dimension::Size)
    }

    /// A Secret to be made.
    pub(crate) fn secret(&self, name: &str, source: SecretSource, secret_type: &str) -> SecretRequest {
        SecretRequest {
            id: self.owner.id("v1", "Secret", name),
            source,
            labels: self.owner.labels(Some(self.name())),
            secret_type: secret_type.to_owned(),
            app: Some(self.app.name.clone()),
            origin: self.need.span,
        }
    }

    /// A share of the offer.
    pub(crate) fn contribution(&self, resource: ResourceName, amount: u64, origin: Span) -> Contribution {
        Contribution { app: Some(self.app.name.clone()), part: self.name().to_owned(), resource, amount, origin }
    }
}

/// A key of a Secret as a value.
pub(super) fn secret_value(secret: &str, key: &str) -> Value {
    Value::Secret(SecretRef { secret: secret.into(), key: key.into() })
}

/// Outputs by name.
fn outputs<const N: usize>(values: [(&str, Value); N]) -> BTreeMap<String, Value> {
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Random letters and digits.
fn random(length: u32) -> Generated {
    Generated::Random { length }
}

/// The name of the Secret that opens a bucket. Where its data came from another provider, the Secret of that one stays beside it.
fn bucket_secret(asked: &NeedContext, choice: &ProviderChoice) -> String {
    let (app, part, provider) = (asked.data_name(), asked.name(), choice.provider.value.as_str());
    let moved = option(choice, "moved-from").into_iter().flat_map(|option| &option.args);
    let is_others = |store: &str| store.split_whitespace().next().is_some_and(|other| other != provider);
    if { moved }.any(|store| is_others(&store.text)) {
        naming::role(kind::SECRET, app, part, provider)
    } else {
        naming::part(kind::SECRET, app, part)
    }
}

/// The image of a provider's servers: as the cluster says, else the built-in one.
fn server_image(choice: &ProviderChoice) -> Tree {
    match option_text(choice, "image") {
        Some((image, span)) => Tree::from(image).at(span),
        None => choice.image().map_or(Tree::ABSENT, |(image, _)| image.into()),
    }
}

/// The node of an option in the cluster file.
fn option<'a>(choice: &'a ProviderChoice, name: &str) -> Option<&'a Setting> {
    choice.option(name)
}

/// The text of an option, with its place.
fn option_text<'a>(choice: &'a ProviderChoice, name: &str) -> Option<(&'a str, Span)> {
    choice.text(name)
}

/// A whole number of an option, with its place.
fn option_number(choice: &ProviderChoice, name: &str) -> Option<(u32, Span)> {
    option_text(choice, name).and_then(|(text, span)| Some((text.parse().ok()?, span)))
}

/// The scheme, host and port of an absolute address.
fn address(url: &str) -> Option<(&str, &str, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let default = if scheme == "http" { 80 } else { 443 };
    match authority.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') => Some((scheme, host, port.parse().unwrap_or(default))),
        _ => Some((scheme, authority, default)),
    }
}

/// A whole number as a value.
fn int(number: u16) -> Value {
    Value::Int(i64::from(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_port() {
        assert_eq!(address("https://s3.example"), Some(("https", "s3.example", 443)));
        assert_eq!(address("http://garage.svc:3900/x"), Some(("http", "garage.svc", 3900)));
        assert_eq!(address("nonsense"), None);
    }
}
