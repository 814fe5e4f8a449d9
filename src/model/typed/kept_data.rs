//! Where the data of an app lies, and how large what holds it is: what later states of a garden are held against.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{App, Organisation, ProviderChoice};
use crate::expression::{Budget, Environment, Value};
use crate::model::definition::{Need, NeedKind, environment, wanted};
use crate::quantity::{Dimension, Quantity};

/// The need that keeps copies of the data of all others.
const BACKUP: &str = "backup";

/// The options that say which store it is that a provider leads to, by need and provider. The others say how it is reached, or how
/// what is made there looks.
const STORES: [(&str, &str, &[&str]); 3] = [
    ("bucket", "garage", &["cluster", "namespace", "endpoint"]),
    ("bucket", "s3", &["endpoint"]),
    (BACKUP, "k8up", &["endpoint", "bucket"]),
];

/// The images of servers whose line names none.
const IMAGES: [(&str, &str); 2] = [
    ("percona", "docker.io/percona/percona-server-mongodb:8.0.19-7"),
    ("valkey", "docker.io/valkey/valkey:8.1-alpine"),
];

impl ProviderChoice {
    /// The store that this line leads to: the provider, and what tells it from others of its kind.
    pub(crate) fn store(&self) -> String {
        let (need, provider) = (self.need.value.as_str(), self.provider.value.as_str());
        let options = STORES.iter().find(|(of, by, _)| (*of, *by) == (need, provider)).map_or(&[][..], |row| row.2);
        let said = options.iter().filter_map(|name| Some(format!(" {name}={}", canonical(self.text(name)?.0))));
        std::iter::once(provider.to_owned()).chain(said).collect()
    }

    /// The image of its servers, with its place; absent where the line names none and the operator decides.
    pub(crate) fn image(&self) -> Option<(&str, crate::source::Span)> {
        let built_in = || IMAGES.iter().find(|(provider, _)| *provider == self.provider.value);
        self.text("image").or_else(|| Some((built_in()?.1, self.provider.span)))
    }

    /// Whether the line says that what lay in another store was carried over, or that both are the same one.
    pub(crate) fn is_moved_from(&self, store: &str) -> bool {
        let said = self.option("moved-from").into_iter().flat_map(|option| &option.args);
        { said }.any(|said| said.text.split_whitespace().eq(store.split_whitespace()))
    }
}

/// An address without what may be written in several ways.
fn canonical(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (scheme, rest) = (scheme.to_lowercase(), rest.trim_end_matches('/'));
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.to_lowercase();
    let port = if scheme == "http" { ":80" } else { ":443" };
    format!("{scheme}://{}{path}", host.strip_suffix(port).unwrap_or(&host))
}

/// What is known of the data of an app as the garden writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KeptData {
    /// The store of each kind of need, by its word.
    pub(crate) stores: BTreeMap<String, String>,
    /// The size of each volume, by the name of its need.
    pub(crate) sizes: BTreeMap<String, Quantity>,
}

impl KeptData {
    pub(super) fn of(organisation: &Organisation, app: &App, budget: &Arc<Budget>) -> Self {
        let (mut kept, mut names) = (Self::default(), None::<Environment>);
        let mut names = || names.get_or_insert_with(|| environment(organisation, app).within(budget)).clone();
        let needs = app.definition.needs.iter().filter(|need| keeps(&need.item));
        for need in needs.filter(|need| wanted(need, organisation, app, budget)) {
            let item = &need.item;
            if let Some(choice) = organisation.cluster.provides.get(item.kind.word()) {
                kept.stores.insert(item.kind.word().to_owned(), choice.store());
            }
            if matches!(item.kind, NeedKind::Volume | NeedKind::Mongodb)
                && let Some(Value::Quantity(size)) = item.option("size", &names())
                && size.dimension == Dimension::Size
            {
                kept.sizes.insert(item.name.value.to_string(), size);
            }
        }
        if let Some(choice) = organisation.cluster.provides.get(BACKUP).filter(|_| !kept.stores.is_empty())
            && app.settings.contains_key(BACKUP)
        {
            kept.stores.insert(BACKUP.to_owned(), choice.store());
        }
        kept
    }
}

/// Whether what meets a need keeps what an app writes.
fn keeps(need: &Need) -> bool {
    match need.kind {
        NeedKind::Bucket | NeedKind::Mongodb | NeedKind::Postgres | NeedKind::Volume => true,
        NeedKind::Redis => need.options.contains_key("keep"),
        NeedKind::Mail | NeedKind::Route | NeedKind::Secret | NeedKind::SignOn | NeedKind::Outward => false,
    }
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn one_address_written_in_two_ways_is_one_store() {
        assert_eq!(canonical("https://S3.example:443/"), canonical("https://s3.example"));
        assert_ne!(canonical("https://s3.example:8443"), canonical("https://s3.example"));
        assert_ne!(canonical("https://s3.example/a"), canonical("https://s3.example/b"));
        assert_eq!(canonical("storage"), "storage");
    }
}
