//! What receives mail or federates does not sleep unless somebody says that the loss is accepted.

use crate::finding::{Code, Finding, Findings};
use crate::model::rules::One;

/// A service that receives, asleep at night.
pub(crate) const RECEIVES: Code = Code::new("E0415");

pub(super) fn check(one: &One, findings: &mut Findings) {
    for sound in one.sound_apps() {
        let Some(receives) = &sound.app.definition.receives else { continue };
        let Some(nights) = sound.app.settings.get("nights") else { continue };
        let asleep = nights.args.first().is_some_and(|word| word.text == "asleep");
        if !asleep || nights.props.contains_key("despite") {
            continue;
        }
        let title = format!("{} cannot sleep: it receives {} at night too", sound.called(), receives.value);
        let finding = Finding::refused(RECEIVES, title, nights.span)
            .also(receives.span, format!("`{}` says so", sound.app.definition.name))
            .why("what is sent while it sleeps may be lost")
            .help("write `nights awake` in the app")
            .help(format!("or accept it: `nights asleep despite=\"{} may be late\"`", receives.value))
            .stops(sound.draft.organisation.name.clone());
        let finding =
            if nights.span.file == sound.app.span.file { finding } else { finding.also(sound.app.span, "this app") };
        findings.push(finding);
    }
}
