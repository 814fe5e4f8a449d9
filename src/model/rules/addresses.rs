//! Further hosts of an app: only for software that may be reached at several, and none that is its own already.

use crate::finding::{Code, Finding, Findings};
use crate::model::definition::AGAIN;
use crate::model::rules::One;

/// Further hosts of what knows one address.
pub(crate) const ONE_ADDRESS: Code = Code::new("E0441");

pub(super) fn check(one: &One, findings: &mut Findings) {
    for sound in one.sound_apps() {
        let app = sound.app;
        let Some(further) = app.settings.get("also-at").filter(|further| !further.args.is_empty()) else { continue };
        if let (Some(reason), Some(why)) = (&app.definition.one_address, app.definition.at_one_address()) {
            let first = &further.args[0];
            let title = format!("{} cannot be reached at `{}` too", sound.called(), first.text);
            let finding = Finding::refused(ONE_ADDRESS, title, first.span)
                .also(reason.span, format!("`{}` says why", app.definition.name))
                .why(why)
                .help("take `also-at` away; `at` says which address it is")
                .stops(sound.draft.organisation.name.clone());
            findings.push(finding);
            continue;
        }
        let own = app.hosts.first();
        let again = own.and_then(|own| further.args.iter().find(|host| host.text == own.value));
        if let (Some(own), Some(again)) = (own, again) {
            let title = format!("`also-at` says `{}`, where {} is anyhow", own.value, sound.called());
            let finding = Finding::warning(AGAIN, title, again.span).why("it is its `at`, or follows from its name");
            let finding = if own.span == again.span { finding } else { finding.also(own.span, "its own address") };
            findings.push(finding.help("take it away"));
        }
    }
}
