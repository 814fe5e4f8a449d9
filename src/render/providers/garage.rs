//! Buckets by Garage, through its operator: a bucket with its quota, and a key that opens only it.

use super::reach::ReachedService;
use super::{Met, NeedContext, address, bucket_secret, int, option_text, outputs, secret_value};
use crate::expression::Value;
use crate::kind::{self, GroupKind};
use crate::model::ProviderChoice;
use crate::render::draft::ObjectDraft;
use crate::render::flow::{Flow, Peer, tcp};
use crate::render::tree::{Tree, tree};
use crate::render::{ResourceName, naming};

const API: &str = "garage.rajsingh.info/v1beta1";

/// The port at which Garage's own pods are asked for objects.
const PORT: u16 = 3900;

/// A bucket and its key; the operator writes the key's Secret.
pub(super) fn meet(asked: &NeedContext, choice: &ProviderChoice) -> Met {
    let (app, part) = (asked.data_name(), asked.name());
    let bucket = naming::across_organisations(&asked.organisation.name, app, part);
    let secret = bucket_secret(asked, choice);
    let (endpoint, _) = option_text(choice, "endpoint").unwrap_or(("", choice.options.span));
    let (scheme, host, number) = address(endpoint).unwrap_or(("https", "", 443));
    let region = option_text(choice, "region").map_or("garage", |(region, _)| region);
    let size = asked.size();
    Met {
        outputs: outputs([
            ("bucket", Value::text(&bucket)),
            ("endpoint", Value::garden_text(endpoint)),
            ("host", Value::garden_text(host)),
            ("port", int(number)),
            ("secure", Value::Bool(scheme == "https")),
            ("region", Value::garden_text(region)),
            ("access-key", secret_value(&secret, "access-key")),
            ("secret-key", secret_value(&secret, "secret-key")),
        ]),
        drafts: vec![bucket_draft(asked, choice, &bucket), key(asked, choice, &secret)],
        flows: flows(asked, choice, host, number),
        contributions: size
            .map(|(size, origin)| asked.contribution(ResourceName::Storage, size.amount, origin))
            .into_iter()
            .collect(),
        ..Met::default()
    }
}

fn cluster_reference(choice: &ProviderChoice) -> Tree {
    let text = |name| option_text(choice, name).map(|(text, span)| Tree::from(text).at(span));
    tree! { "name": text("cluster"), "namespace": text("namespace") }
}

fn bucket_draft(asked: &NeedContext, choice: &ProviderChoice, bucket: &str) -> ObjectDraft {
    let public = asked.option("public") == Some(Value::Bool(true));
    let spec = tree! {
        "clusterRef": cluster_reference(choice),
        "globalAlias": bucket,
        // Said either way: a bucket opened to everybody behind our back is seen and closed again.
        "website": tree! { "enabled": public, "indexDocument": "index.html" },
        "quotas": tree! { "maxSize": asked.size().map(|(size, origin)| Tree::from(size).at(origin)) },
    };
    data(asked, kind::GARAGE_BUCKET, spec)
}

fn key(asked: &NeedContext, choice: &ProviderChoice, secret: &str) -> ObjectDraft {
    let bucket = naming::part(kind::GARAGE_BUCKET, asked.data_name(), asked.name());
    // Whole, with the defaults: the list is compared as one value.
    let permission = tree! {
        "bucketRef": tree! { "name": bucket },
        "owner": false,
        "read": true,
        "write": true,
    };
    let spec = tree! {
        "clusterRef": cluster_reference(choice),
        "bucketPermissions": vec![permission],
        // Said, so that more rights given behind our back are seen. The operator takes `allBuckets` for a key to all
        // buckets even where each of its rights is off, so that one is left out.
        "permissions": tree! { "createBucket": false },
        "neverExpires": true,
        "secretTemplate": tree! {
            "name": secret,
            "accessKeyIdKey": "access-key",
            "secretAccessKeyKey": "secret-key",
        },
    };
    data(asked, kind::GARAGE_KEY, spec)
}

fn data(asked: &NeedContext, kind: GroupKind, spec: Tree) -> ObjectDraft {
    let name = naming::part(kind, asked.data_name(), asked.name());
    ObjectDraft::new(API, kind.kind, name, tree! { "spec": spec }, asked.need.span).component(asked.name())
}

/// The address, and the service itself where the cluster file says its namespace.
fn flows(asked: &NeedContext, choice: &ProviderChoice, host: &str, port: u16) -> Vec<Flow> {
    let own = option_text(choice, "namespace").map(|(namespace, _)| Flow {
        from: asked.pods(),
        to: Peer::Namespace(namespace.to_owned()),
        ports: tcp(&[PORT]),
        origin: asked.need.span,
    });
    let reached = ReachedService::new(choice, host, port).flows(asked.organisation, &asked.pods(), asked.need.span);
    reached.into_iter().chain(own).collect()
}
