//! `cluster` nodes.

use std::collections::BTreeMap;

use crate::model::read::{child, children, name_at, spelled, text_at, text_of};
use crate::model::{Cluster, ClusterClaims, Layer, ProviderChoice, Setting};
use crate::name::Name;
use crate::schema::CheckedFile;
use crate::schema::scalar::domain_error;
use crate::source::Spanned;
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
    let children = options.children.values().flat_map(BTreeMap::values);
    children.for_each(|option| name_hosts(need, option, claims));
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
