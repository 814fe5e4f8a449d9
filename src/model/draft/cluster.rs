//! `cluster` nodes.

use std::collections::BTreeMap;

use crate::address::AddressRange;
use crate::model::domain::namespace_in;
use crate::model::read::{child, children, name_at, spelled, text_at, text_of};
use crate::model::{Cluster, ClusterClaims, ClusterNetwork, Layer, ProviderChoice, Setting};
use crate::name::Name;
use crate::schema::CheckedFile;
use crate::schema::scalar::domain_error;
use crate::source::{Span, Spanned};
use crate::syntax::{Node, Value};

/// The zone of clusters that say none.
const UTC: &str = "Etc/UTC";

/// A cluster; absent where not even its name can be read.
pub(in crate::model) fn read(file: &CheckedFile, node: &Node) -> Option<Cluster> {
    let name = name_at(node, 0)?;
    let provides = child(file, node, "provides");
    let choices = provides.into_iter().flat_map(|block| &block.children).filter(|need| !file.is_broken(need));
    let provides: BTreeMap<String, ProviderChoice> =
        choices.filter_map(|need| Some((need.name.value.clone(), choice(need)?))).collect();
    Some(Cluster {
        claims: claims(file, node, &provides),
        namespaces: namespaces(&provides),
        network: child(file, node, "network").map(|network| addresses(file, network)).unwrap_or_default(),
        title: text_of(file, node, "title").map_or_else(|| name.value.to_string(), |title| title.value),
        uid: text_of(file, node, "uid").unwrap_or_else(|| Spanned::new(String::new(), node.head)),
        timezone: text_of(file, node, "timezone").map_or_else(|| UTC.to_owned(), |zone| zone.value),
        domain: text_of(file, node, "domain").map(|domain| domain.value),
        complete: !file.holds_broken(node),
        provides,
        span: node.head,
        name: name.value,
    })
}

/// Namespaces of operators whose lines name none.
const OPERATORS: [(&str, &str); 2] = [("cloudnative-pg", "cnpg-system"), ("percona", "psmdb-operator")];

/// Every namespace that the lines of providers name, as an option, as a property of one, or in a name of the cluster's own.
fn namespaces(provides: &BTreeMap<String, ProviderChoice>) -> BTreeMap<String, Span> {
    let mut namespaces = BTreeMap::new();
    for choice in provides.values() {
        let before = namespaces.len();
        name_namespaces(&choice.options, &mut namespaces);
        let default = OPERATORS.iter().find(|(provider, _)| *provider == choice.provider.value);
        if let Some((_, namespace)) = default.filter(|_| namespaces.len() == before) {
            namespaces.insert((*namespace).to_owned(), choice.provider.span);
        }
    }
    namespaces
}

fn name_namespaces(options: &Setting, namespaces: &mut BTreeMap<String, Span>) {
    let in_hosts = options.args.iter().filter_map(|value| {
        let host = value.text.split_once("://").map_or(value.text.as_str(), |(_, rest)| rest);
        Some((namespace_in(host.split([':', '/']).next()?)?.to_owned(), value.span))
    });
    let said = options.children.get("namespace").into_iter().flat_map(BTreeMap::values).flat_map(|said| &said.args);
    let said = said.chain(options.props.get("namespace")).map(|value| (value.text.clone(), value.span));
    namespaces.extend(in_hosts.chain(said));
    nested(options).for_each(|option| name_namespaces(option, namespaces));
}

/// The addresses of the cluster itself.
fn addresses(file: &CheckedFile, node: &Node) -> ClusterNetwork {
    let ranges = |name: &str| {
        let written = child(file, node, name).into_iter().flat_map(|child| &child.args);
        written.filter_map(|value| Some(Spanned::new(AddressRange::parse(&value.text)?, value.span))).collect()
    };
    let port = child(file, node, "api-server").and_then(|child| child.prop("port"));
    ClusterNetwork {
        span: Some(node.head),
        nodes: ranges("nodes"),
        api_server: ranges("api-server"),
        api_port: port.and_then(|port| port.text.parse().ok()),
        name_servers: ranges("name-servers"),
    }
}

/// The hosts and domains that the cluster names, and whose they are.
fn claims(file: &CheckedFile, node: &Node, provides: &BTreeMap<String, ProviderChoice>) -> ClusterClaims {
    let whose = |node: &Node, prop: &str| Some((text_at(node, 0)?, Name::new(&node.prop(prop)?.text).ok()?));
    let own = child(file, node, "domain").and_then(|domain| whose(domain, "of"));
    let others = children(file, node, "belongs").filter_map(|belongs| whose(belongs, "to"));
    let mut claims = ClusterClaims {
        domain: text_of(file, node, "domain"),
        owned: own.into_iter().chain(others).collect(),
        ..ClusterClaims::default()
    };
    for (need, choice) in provides {
        name_hosts(need, &choice.options, &mut claims);
    }
    claims
}

/// Adds every host that a provider's options name, alone or in an address.
fn name_hosts(need: &str, options: &Setting, claims: &mut ClusterClaims) {
    for value in options.args.iter().chain(options.props.values()) {
        if let Some((_, domain)) = value.text.split_once('@').filter(|(_, domain)| domain_error(domain).is_none()) {
            claims.sender.get_or_insert_with(|| domain.to_owned());
        } else if let Some(host) = host_in(value) {
            claims.hosts.push((Spanned::new(host, value.span), need.to_owned()));
        }
    }
    nested(options).for_each(|option| name_hosts(need, option, claims));
}

/// The options inside an option, but those that tell where something was before.
fn nested(options: &Setting) -> impl Iterator<Item = &Setting> {
    options.children.iter().filter(|(name, _)| *name != "moved-from").flat_map(|(_, options)| options.values())
}

/// The host that a value is, or is an address at.
fn host_in(value: &Value) -> Option<String> {
    let address = value.text.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let host = address.unwrap_or(&value.text);
    let host = host.rsplit('@').next()?.split(':').next()?.trim_end_matches('.').to_lowercase();
    let numeric = host.split('.').all(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    (!numeric && domain_error(&host).is_none()).then_some(host)
}

fn choice(node: &Node) -> Option<ProviderChoice> {
    let provider = spelled(node.arg(0)?);
    Some(ProviderChoice { need: node.name.clone(), provider, options: options(node) })
}

/// A block of options as a tree of settings.
fn options(node: &Node) -> Setting {
    let mut children: BTreeMap<String, BTreeMap<String, Setting>> = BTreeMap::new();
    for child in &node.children {
        children.entry(child.name.value.clone()).or_default().entry(String::new()).or_insert_with(|| options(child));
    }
    Setting {
        span: node.head,
        layer: Layer::Definition,
        args: node.args.clone(),
        props: node.props.iter().map(|prop| (prop.name.value.clone(), prop.value.clone())).collect(),
        children,
        value: crate::expression::Value::Absent,
    }
}
