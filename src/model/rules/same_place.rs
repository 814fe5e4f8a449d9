//! An organisation stays on its cluster, and an app stays what it is: data does not move by itself.

use std::sync::Arc;

use crate::finding::{Code, Finding, Findings};
use crate::model::Organisation;
use crate::model::rules::One;

/// Another cluster than the one applied to.
pub(crate) const OTHER_CLUSTER: Code = Code::new("E0418");
/// Another definition than the one applied.
pub(crate) const OTHER_DEFINITION: Code = Code::new("E0419");

pub(super) fn check(one: &One, findings: &mut Findings) {
    let draft = &one.draft;
    let organisation = &draft.organisation;
    let moves = |past: &&Arc<Organisation>| draft.resolved.cluster && past.cluster.name != organisation.cluster.name;
    if let Some(past) = one.past.as_ref().filter(moves) {
        let place = draft.node().child("cluster").map_or(organisation.span, |node| node.head);
        let title = format!("`{}` is on `{}`, and cannot just move", organisation.name, past.cluster.name);
        let finding = Finding::refused(OTHER_CLUSTER, title, place)
            .why(
                "its data would stay behind: parcelle does not carry volumes and databases from one cluster to another",
            )
            .help(format!("go back to `cluster {}`", past.cluster.name))
            .help("to move, write it as a new organisation there, restore a backup, then retire this one");
        findings.push(finding);
    }
    check_definitions(one, findings);
}

fn check_definitions(one: &One, findings: &mut Findings) {
    for sound in one.sound_apps() {
        let Some(past) = sound.past() else { continue };
        let (was, is) = (&past.definition.name, &sound.app.definition.name);
        if was != is {
            let title = format!("{} is a {was}, and cannot become a {is}", sound.called());
            let name = &sound.app.name;
            let finding = Finding::refused(OTHER_DEFINITION, title, sound.app.span)
                .why(format!("the data that it holds is that of {was}"))
                .help(format!("write `retired app {was} {name}`, and the new app under another name"));
            findings.push(finding);
        }
    }
}
