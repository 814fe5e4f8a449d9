//! Buckets of a service that knows no operator: made beforehand, with credentials that open one bucket each.

use std::collections::BTreeMap;

use super::reach::ReachedService;
use super::{Met, NeedContext, address, bucket_secret, int, option_text, outputs, secret_value};
use crate::expression::Value;
use crate::model::ProviderChoice;
use crate::render::{ResourceName, SecretSource, naming};

/// The bucket by its name, and a copy of the credentials that open it alone: a key to all buckets would let one
/// organisation read those of the others.
pub(super) fn meet(asked: &NeedContext, choice: &ProviderChoice) -> Met {
    let (app, part) = (asked.data_name(), asked.name());
    let bucket = naming::across_organisations(&asked.organisation.name, app, part);
    let secret = bucket_secret(asked, choice);
    let (endpoint, _) = option_text(choice, "endpoint").unwrap_or(("", choice.options.span));
    let (scheme, host, number) = address(endpoint).unwrap_or(("https", "", 443));
    let region = option_text(choice, "region").map_or("us-east-1", |(region, _)| region);
    let (credentials, _) = option_text(choice, "credentials").unwrap_or(("s3", choice.options.span));
    let keys = ["access-key", "secret-key"].map(|key| (key.to_owned(), key.to_owned()));
    let source = SecretSource::Copied {
        namespace: naming::SYSTEM_NAMESPACE.to_owned(),
        name: format!("{credentials}--{bucket}"),
        keys: BTreeMap::from(keys),
    };
    let size = asked.size().map(|(size, origin)| asked.contribution(ResourceName::Storage, size.amount, origin));
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
        secrets: vec![asked.secret(&secret, source, "Opaque")],
        flows: ReachedService::new(choice, host, number).flows(asked.organisation, &asked.pods(), asked.need.span),
        contributions: size.into_iter().collect(),
        ..Met::default()
    }
}
