//! The hosts and domains that clusters name, and who may claim them.

use crate::model::domain::{below, parents, special};
use crate::model::{Cluster, Garden};
use crate::name::Name;
use crate::source::{Span, Spanned};

/// What all clusters of a garden name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::model) struct ClusterNames {
    clusters: Vec<NamedByCluster>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct NamedByCluster {
    name: Name,
    claims: crate::model::ClusterClaims,
}

/// Who asks: an organisation, and its place below the domain of its cluster.
pub(super) struct Asker<'a> {
    pub(super) name: &'a Name,
    /// `NAME.CLUSTER-DOMAIN`; absent where the cluster has none, or is not known.
    pub(super) place: Option<String>,
}

/// Why a host or domain is not an organisation's to claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::model) enum Forbidden {
    /// It is a cluster's domain, or lies in it.
    ClusterDomain { cluster: Name, domain: Spanned<String> },
    /// It lies around a cluster's domain.
    AroundCluster { cluster: Name, domain: Spanned<String> },
    /// It is the host of a service, or lies below it.
    Service { cluster: Name, need: String, host: Spanned<String> },
    /// It lies around the host of a service.
    AroundService { cluster: Name, need: String, host: Spanned<String> },
    /// A cluster file says that it is another's.
    Owned { domain: Spanned<String>, owner: Name },
    /// Everybody has domains below it.
    Suffix,
    /// Names below this one are kept for special uses, and nobody has one.
    Special(&'static str),
}

impl ClusterNames {
    /// What the clusters of a garden name.
    pub(in crate::model) fn of(garden: &Garden) -> Self {
        let named = |cluster: &std::sync::Arc<Cluster>| NamedByCluster {
            name: cluster.name.clone(),
            claims: cluster.claims.clone(),
        };
        Self { clusters: garden.clusters.values().map(named).collect() }
    }

    /// Why a host is not an organisation's to claim; none where it may be.
    pub(super) fn forbids_host(&self, asker: &Asker<'_>, host: &str) -> Option<Forbidden> {
        self.service_at(host)
            .or_else(|| self.owned_by_another(asker, host))
            .or_else(|| self.inside_cluster(asker, host))
            .or_else(|| self.special(asker, host))
    }

    /// Why a domain is not an organisation's to claim; none where it may be.
    pub(super) fn forbids_domain(&self, asker: &Asker<'_>, domain: &str) -> Option<Forbidden> {
        if let Some(special) = self.special(asker, domain) {
            return Some(special);
        }
        if is_suffix(domain) {
            return Some(Forbidden::Suffix);
        }
        if self.is_owner(asker.name, domain) {
            return self.service_at(domain);
        }
        self.service_at(domain)
            .or_else(|| self.owned_by_another(asker, domain))
            .or_else(|| self.inside_cluster(asker, domain))
            .or_else(|| self.around(domain))
    }

    /// Whether a domain holds a cluster's, so that the places of organisations lie inside of both.
    pub(super) fn cluster_domain_between(&self, inner: &str, outer: &str) -> bool {
        let domains = self.clusters.iter().filter_map(|cluster| cluster.claims.domain.as_ref());
        domains.into_iter().any(|domain| below(inner, &domain.value) && below(&domain.value, outer))
    }

    /// The cluster in whose domain a host lies, and the label right below that domain: the name of an organisation there.
    pub(super) fn place_of(&self, host: &str) -> Option<(&Name, String)> {
        let (cluster, domain) = self.nearest(host)?;
        let label = host.strip_suffix(domain.value.as_str())?.strip_suffix('.')?.rsplit('.').next()?;
        Some((cluster, label.to_owned()))
    }

    /// The domain as which a cluster's relay sends.
    pub(super) fn sender(&self, cluster: &Name) -> Option<&str> {
        let named = self.clusters.iter().find(|named| named.name == *cluster)?;
        named.claims.sender.as_deref()
    }

    /// Whether a cluster file says that a name is this organisation's, or lies in what is.
    pub(super) fn gives(&self, to: &Name, name: &str) -> bool {
        self.owned().any(|(owned, owner)| owner == to && below(name, &owned.value))
    }

    /// Whether a cluster file says that a domain is this organisation's, or one inside it.
    fn is_owner(&self, name: &Name, domain: &str) -> bool {
        let owned = self.owned().filter(|(_, owner)| owner == name);
        { owned }.any(|(owned, _)| below(&owned.value, domain))
    }

    /// Why nobody has a name: it lies below one that is kept for special uses, and no cluster file says otherwise.
    fn special(&self, asker: &Asker<'_>, name: &str) -> Option<Forbidden> {
        let special = special(name)?;
        let own_place = asker.place.as_ref().is_some_and(|place| below(name, place));
        (!own_place && !self.gives(asker.name, name)).then_some(Forbidden::Special(special))
    }

    fn owned(&self) -> impl Iterator<Item = &(Spanned<String>, Name)> {
        self.clusters.iter().flat_map(|cluster| &cluster.claims.owned)
    }

    fn services(&self) -> impl Iterator<Item = (&Name, &Spanned<String>, &str)> {
        self.clusters
            .iter()
            .flat_map(|cluster| cluster.claims.hosts.iter().map(|(host, need)| (&cluster.name, host, need.as_str())))
    }

    fn service_at(&self, name: &str) -> Option<Forbidden> {
        let (cluster, host, need) = self.services().find(|(_, host, _)| below(name, &host.value))?;
        Some(Forbidden::Service { cluster: cluster.clone(), need: need.to_owned(), host: host.clone() })
    }

    /// The cluster whose domain is the nearest around a name.
    fn nearest(&self, name: &str) -> Option<(&Name, &Spanned<String>)> {
        let domains = self.clusters.iter().filter_map(|cluster| Some((&cluster.name, cluster.claims.domain.as_ref()?)));
        domains.filter(|(_, domain)| below(name, &domain.value)).max_by_key(|(_, domain)| domain.value.len())
    }

    fn inside_cluster(&self, asker: &Asker<'_>, name: &str) -> Option<Forbidden> {
        let (cluster, domain) = self.nearest(name)?;
        let place = format!("{}.{}", asker.name, domain.value);
        let own_place = below(name, &place) && asker.place.as_ref().is_none_or(|own| *own == place);
        if own_place || self.gives(asker.name, name) {
            return None;
        }
        Some(Forbidden::ClusterDomain { cluster: cluster.clone(), domain: domain.clone() })
    }

    fn around(&self, domain: &str) -> Option<Forbidden> {
        for NamedByCluster { name, claims } in &self.clusters {
            if let Some(inner) = claims.domain.as_ref().filter(|inner| below(&inner.value, domain)) {
                return Some(Forbidden::AroundCluster { cluster: name.clone(), domain: inner.clone() });
            }
        }
        let (cluster, host, need) = self.services().find(|(_, host, _)| below(&host.value, domain))?;
        Some(Forbidden::AroundService { cluster: cluster.clone(), need: need.to_owned(), host: host.clone() })
    }

    /// What a cluster file says to be an organisation's is so with the domains around it: everything inside is its own.
    fn owned_by_another(&self, asker: &Asker<'_>, name: &str) -> Option<Forbidden> {
        let inside = |owned: &str| below(name, widest(owned));
        let mut owners = self.owned().filter(|(owned, _)| inside(&owned.value)).peekable();
        let first = owners.peek().copied()?;
        let own_place = asker.place.as_ref().is_some_and(|place| below(name, place));
        if own_place || owners.any(|(_, owner)| owner == asker.name) {
            return None;
        }
        Some(Forbidden::Owned { domain: first.0.clone(), owner: first.1.clone() })
    }
}

/// The widest domain around a name that somebody can have.
pub(super) fn widest(name: &str) -> &str {
    parents(name).filter(|domain| !is_suffix(domain)).last().unwrap_or(name)
}

/// Labels below which registries of countries give away domains.
const SECOND_LEVEL: &[&str] = &[
    "ac", "asso", "co", "com", "edu", "go", "gob", "gouv", "gov", "gv", "id", "me", "mil", "ne", "net", "nom", "or",
    "org", "plc", "prd", "presse", "sch", "tm",
];

/// Names below which hosts and registries give away domains to everybody, of those that are met most. The whole list that
/// browsers keep has ten thousand lines, and changes every week.
const GIVEN_AWAY: &[&str] = &[
    "amazonaws.com",
    "azurewebsites.net",
    "blogspot.com",
    "cloudfront.net",
    "codeberg.page",
    "de.com",
    "duckdns.org",
    "dyndns.org",
    "eu.org",
    "firebaseapp.com",
    "fly.dev",
    "fr.com",
    "github.io",
    "gitlab.io",
    "herokuapp.com",
    "netlify.app",
    "ngrok.io",
    "nip.io",
    "onrender.com",
    "pages.dev",
    "readthedocs.io",
    "sslip.io",
    "uk.com",
    "us.com",
    "vercel.app",
    "web.app",
    "workers.dev",
];

/// Whether everybody has domains below a name: it is one label, the second level of a country's, or of those who give them away.
fn is_suffix(domain: &str) -> bool {
    match domain.rsplit_once('.') {
        None => true,
        Some((_, last)) if last.bytes().all(|byte| byte.is_ascii_digit()) => true,
        Some((first, last)) => last.len() == 2 && SECOND_LEVEL.contains(&first) || GIVEN_AWAY.contains(&domain),
    }
}

impl Forbidden {
    /// The line of a cluster file that decides it.
    pub(super) fn place(&self) -> Option<(Span, String)> {
        Some(match self {
            Self::ClusterDomain { cluster, domain } | Self::AroundCluster { cluster, domain } => {
                (domain.span, format!("the domain of cluster `{cluster}`"))
            }
            Self::Service { cluster, need, host } | Self::AroundService { cluster, need, host } => {
                (host.span, format!("cluster `{cluster}` meets `{need}` there"))
            }
            Self::Owned { domain, owner } => (domain.span, format!("a domain of `{owner}`")),
            Self::Suffix | Self::Special(_) => return None,
        })
    }

    /// The way out by a line of the cluster file, where there is one.
    pub(super) fn grant(&self, claimed: &str, name: &Name) -> Option<String> {
        match self {
            Self::ClusterDomain { domain, .. } | Self::AroundCluster { domain, .. } => {
                Some(format!("`domain {} of={name}`", domain.value))
            }
            Self::AroundService { .. } => Some(format!("`belongs {claimed} to={name}`")),
            Self::Special(_) => Some(format!("`belongs {claimed} to={name}`")),
            Self::Service { .. } | Self::Owned { .. } | Self::Suffix => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_a_suffix() {
        for suffix in ["example", "co.uk", "asso.fr", "com.au", "0.0.0.1", "github.io", "eu.org"] {
            assert!(is_suffix(suffix), "{suffix}");
        }
        for domain in ["org.example", "alternatiba.eu", "co.example", "a.co.uk", "co.coop", "a.github.io"] {
            assert!(!is_suffix(domain), "{domain}");
        }
        assert_eq!(widest("a.b.c.asso.fr"), "c.asso.fr");
        assert_eq!(widest("example.org"), "example.org");
    }
}
