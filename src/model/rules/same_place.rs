//! An organisation stays on its cluster, and an app stays what it is: data does not move by itself.

use crate::finding::{Code, Finding, Findings};
use crate::model::AppliedApp;
use crate::model::rules::{One, SoundApp};
use crate::name::Name;

/// Another cluster than the one applied to.
pub(crate) const OTHER_CLUSTER: Code = Code::new("E0418");
/// Another definition than the one applied.
pub(crate) const OTHER_DEFINITION: Code = Code::new("E0419");

pub(super) fn check(one: &One, findings: &mut Findings) {
    let draft = &one.draft;
    let organisation = &draft.organisation;
    let mut states = one.past.iter().flat_map(|past| past.each());
    let moves = states.find(|past| draft.resolved.cluster && past.cluster.name != organisation.cluster.name);
    if let Some(past) = moves {
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
        let definition = &sound.app.definition;
        let states = sound.footprints().into_iter().flat_map(|(name, footprint)| {
            footprint.possible(one.taken_back).map(move |state| (name, footprint.data_name(name), state))
        });
        if let Some(before) = { states }.find(|(_, _, state)| !definition.goes_on_from(&state.definition)) {
            findings.push(other_definition(&sound, before));
        }
    }
}

/// The finding about an app that is applied under a name, with data of a name, as another application.
fn other_definition(sound: &SoundApp<'_>, (applied, data, state): (&Name, &Name, &AppliedApp)) -> Finding {
    let (is, was) = (&sound.app.definition.name, &state.definition);
    let title = format!("{} is a {was}, and cannot become a {is}", sound.called());
    // Under its present name, where it is that of the same data.
    let name = if sound.app.data_name() == data { &sound.app.name } else { applied };
    let retired = if name == data { format!("{name}") } else { format!("{name} {{ was {data}; }}") };
    let finding = Finding::refused(OTHER_DEFINITION, title, sound.app.span)
        .why(format!("the data that it holds is that of {was}"))
        .help(format!("write `retired app {was} {retired}`, and the new app under another name"))
        .help(format!(
            "where {is} is another name of {was} and reads what that has written, write `was {was}` in `definition {is}`"
        ));
    match sound.whole_commit().filter(|_| sound.is_begun(state)) {
        Some(commit) => finding.help(format!(
            "it was begun as a {was} and is not applied whole: where that wrote nothing, take it back by word: \
             `rollback to=\"{commit}\"` in the garden"
        )),
        None => finding,
    }
}
