//! Mail through a relay: its address from the cluster file, its credentials copied from the operators' Secret.

use std::collections::BTreeMap;

use super::reach::ReachedService;
use super::{Met, NeedContext, int, option_number, option_text, outputs, secret_value};
use crate::expression::Value;
use crate::kind;
use crate::model::ProviderChoice;
use crate::render::{SecretSource, naming, scope};

/// The relay's address, and a copy of its credentials where it wants any.
pub(super) fn meet(asked: &NeedContext, choice: &ProviderChoice) -> Met {
    let secret = naming::part(kind::SECRET, &asked.app.name, asked.name());
    let (host, _) = option_text(choice, "host").unwrap_or(("", choice.options.span));
    let port = option_number(choice, "port").and_then(|(port, _)| u16::try_from(port).ok()).unwrap_or(587);
    let domain = scope::domain(asked.organisation).unwrap_or_default();
    let setting = asked.app.settings.get("mail").and_then(|mail| mail.props.get("from"));
    let said = setting.map(|from| from.text.clone()).or_else(|| asked.text("from").map(|(from, _)| from));
    let said = said.or_else(|| option_text(choice, "from").map(|(from, _)| from.to_owned()));
    let from = said.unwrap_or_else(|| format!("noreply@{domain}"));
    let (sender, domain) = from.split_once('@').unwrap_or((&from, &domain));
    let mut met = Met {
        outputs: outputs([
            ("host", Value::garden_text(host)),
            ("port", int(port)),
            ("from", Value::garden_text(&from)),
            ("sender", Value::garden_text(sender)),
            ("domain", Value::garden_text(domain)),
            ("user", secret_value(&secret, "user")),
            ("password", secret_value(&secret, "password")),
        ]),
        flows: vec![ReachedService::new(choice, host, port).flow(&asked.pods(), asked.need.span)],
        ..Met::default()
    };
    if let Some((name, _)) = option_text(choice, "credentials") {
        let keys = ["user", "password"].map(|key| (key.to_owned(), key.to_owned()));
        let source = SecretSource::Copied {
            namespace: naming::SYSTEM_NAMESPACE.to_owned(),
            name: name.to_owned(),
            keys: BTreeMap::from(keys),
        };
        met.secrets.push(asked.secret(&secret, source, "Opaque"));
    }
    met
}
