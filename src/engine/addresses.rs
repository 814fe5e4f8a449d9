//! Whether a cluster file names the addresses of its nodes and API server: what it names is held against what the cluster shows.

use crate::address::{AddressBlock, AddressRange};
use crate::cluster::survey::{ShownAddress, api_addresses, node_addresses};
use crate::cluster::{ApiError, Connection};
use crate::finding::{Code, Finding, Findings};
use crate::model::{Cluster, OPEN_NETWORK};
use crate::plan::{Unseen, full_name, role_rule};
use crate::source::{Span, Spanned};

use super::survey::NOT_SEEN;

/// An address of the cluster itself that its file does not name.
pub(crate) const UNNAMED: Code = Code::new("E0494");

/// One half of a `network` node: what it names, and how people call it.
struct NamedAddresses<'a> {
    word: &'static str,
    what: &'static str,
    named: &'a [Spanned<AddressRange>],
}

/// IO: compares the addresses of nodes and API server with the cluster file.
pub(super) async fn compare(
    connection: &Connection,
    cluster: &Cluster,
    findings: &mut Findings,
) -> Result<(), ApiError> {
    let network = &cluster.network;
    let nodes = NamedAddresses { word: "nodes", what: "nodes", named: &network.nodes };
    match node_addresses(connection).await? {
        Ok(shown) => nodes_beside(cluster, &nodes, &shown).into_iter().for_each(|finding| findings.push(finding)),
        Err(unseen) => findings.push(not_seen(cluster, &nodes, &unseen)),
    }
    let api = NamedAddresses { word: "api-server", what: "API server", named: &network.api_server };
    match api_addresses(connection).await? {
        Ok(shown) => api_beside(cluster, &api, &shown).into_iter().for_each(|finding| findings.push(finding)),
        Err(unseen) => findings.push(not_seen(cluster, &api, &unseen)),
    }
    Ok(())
}

/// Nodes that pods may reach: their addresses lie outside of all that policies leave out.
fn nodes_beside(cluster: &Cluster, half: &NamedAddresses<'_>, shown: &[ShownAddress]) -> Option<Finding> {
    let outside = cluster.network.outside();
    let is_open = |range: AddressRange| outside.iter().any(|block| opens(block, range));
    let open: Vec<(&ShownAddress, AddressRange)> = read(shown).filter(|(_, range)| is_open(*range)).collect();
    let (first, _) = open.first()?;
    let others = match open.len() - 1 {
        0 => String::new(),
        many => format!(", and {many} other addresses of nodes"),
    };
    let why = format!("pods may reach `{}` of node `{}`{others}", first.address, first.of);
    Some(beside(cluster, half, open.iter().map(|(_, range)| *range), why, ""))
}

fn opens(block: &AddressBlock, range: AddressRange) -> bool {
    block.range.contains(range) && !block.except.iter().any(|except| except.contains(range))
}

/// Addresses of the API server that its line does not name: databases and backups are to reach it there, and nobody else.
fn api_beside(cluster: &Cluster, half: &NamedAddresses<'_>, shown: &[ShownAddress]) -> Option<Finding> {
    let ports = cluster.network.api_ports();
    let is_named = |range: AddressRange| half.named.iter().any(|named| named.value.contains(range));
    let is_beside = |(shown, range): &(&ShownAddress, AddressRange)| {
        !is_named(*range) || shown.port.is_some_and(|port| !ports.contains(&port))
    };
    let beside_it: Vec<(&ShownAddress, AddressRange)> = read(shown).filter(is_beside).collect();
    let (first, _) = beside_it.first()?;
    let port = first.port.filter(|port| !ports.contains(port)).map(|port| format!(" port={port}")).unwrap_or_default();
    let at = first.port.map(|port| format!(" at port {port}")).unwrap_or_default();
    let why = format!("the Endpoints of the Service `kubernetes` show `{}`{at}", first.address);
    Some(beside(cluster, half, beside_it.iter().map(|(_, range)| *range), why, &port))
}

fn read(shown: &[ShownAddress]) -> impl Iterator<Item = (&ShownAddress, AddressRange)> {
    shown.iter().filter_map(|shown| Some((shown, AddressRange::parse(&shown.address)?)))
}

/// A doubt where the file names nothing of the kind, a mistake where it names something else.
fn beside(
    cluster: &Cluster,
    half: &NamedAddresses<'_>,
    ranges: impl Iterator<Item = AddressRange>,
    why: String,
    port: &str,
) -> Finding {
    /// How many addresses are shown to be written at most.
    const SHOWN: usize = 8;
    let NamedAddresses { word, what, named } = half;
    let mut ranges: Vec<String> =
        named.iter().map(|range| range.value).chain(ranges).map(|range| format!("\"{range}\"")).collect();
    ranges.sort();
    ranges.dedup();
    let more = if ranges.len() > SHOWN { " …" } else { "" };
    ranges.truncate(SHOWN);
    let line = format!("write `network {{ {word} {}{more}{port}; }}`, or ranges around them", ranges.join(" "));
    let title = format!("the file of cluster `{}` does not name all addresses of its {what}", cluster.name);
    let finding = match named.first() {
        None => Finding::warning(OPEN_NETWORK, title, place(cluster)),
        Some(first) => Finding::refused(UNNAMED, title, first.span),
    };
    finding.why(why).help(line)
}

fn place(cluster: &Cluster) -> Span {
    cluster.network.span.unwrap_or(cluster.span)
}

fn not_seen(cluster: &Cluster, half: &NamedAddresses<'_>, unseen: &Unseen) -> Finding {
    let Unseen { group, resource, why } = unseen;
    let place = half.named.first().map_or_else(|| place(cluster), |first| first.span);
    let namespace = if group.is_empty() { "" } else { " --namespace default" };
    let look = format!("look yourself: `kubectl get {}{namespace} --output wide`", full_name(group, resource));
    let title =
        format!("whether the file of cluster `{}` names all addresses of its {} is not known", cluster.name, half.what);
    let finding = Finding::warning(NOT_SEEN, title, place);
    match why {
        Some(said) => finding.why(format!("they could not be read: {said}")).help(look),
        None => finding
            .why(format!("parcelle may not list {} there", full_name(group, resource)))
            .help(format!("{look}; or add to the rules of parcelle's role: {}", role_rule(group, &[resource], "list"))),
    }
}
