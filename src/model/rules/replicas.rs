//! More than one replica only where the definition does not say that one must stay alone.

use crate::finding::{Code, Finding, Findings};
use crate::model::rules::One;
use crate::syntax::Value;

/// More than one of what must stay alone.
pub(crate) const ALONE: Code = Code::new("E0416");

pub(super) fn check(one: &One, findings: &mut Findings) {
    for sound in one.sound_apps() {
        let Some(reason) = &sound.app.definition.single_replica else { continue };
        // It runs no more.
        if sound.app.life.is_retired() {
            continue;
        }
        let peaks = sound.app.peaks().map(|peak| ("peak", peak));
        let scale = sound.app.settings.get("scale").map(|scale| ("scale", &**scale));
        for (name, setting) in scale.into_iter().chain(peaks) {
            let many = |value: &&Value| value.text.parse::<u64>().is_ok_and(|number| number > 1);
            let Some(number) = ["max", "min"].iter().filter_map(|prop| setting.props.get(*prop)).find(many) else {
                continue;
            };
            let title = format!("{} cannot run {} times", sound.called(), number.text);
            let finding = Finding::refused(ALONE, title, number.span)
                .also(reason.span, format!("`{}` says why", sound.app.definition.name))
                .why(sound.app.definition.alone())
                .help(format!("take `{name}` away; more memory or processor time helps instead"))
                .stops(sound.draft.organisation.name.clone());
            findings.push(finding);
        }
    }
}
