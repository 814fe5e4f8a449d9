//! What matters most of a plan, a line each: data, interruptions, images, amounts, dangers, in this order.

use super::words::many;
use crate::impact::Impact;
use crate::plan::Place;

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MatterGroup {
    Data,
    Interruptions,
    Images,
    Amounts,
    Dangers,
}

/// A line of what matters, in plain text without any markup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MatterLine {
    pub(super) group: MatterGroup,
    /// The opening words, which stand out.
    pub(super) lead: String,
    /// The rest of the sentence.
    pub(super) words: String,
    /// The one line behind it, where there is one.
    pub(super) origin: Option<Place>,
}

/// The groups before what acts later, and how what is left out of one is called.
pub(super) const GROUPS_BEFORE_LATER: &[(MatterGroup, &str)] =
    &[(MatterGroup::Data, "lines about data"), (MatterGroup::Interruptions, "interruptions")];
/// The groups after it.
pub(super) const GROUPS_AFTER_LATER: &[(MatterGroup, &str)] =
    &[(MatterGroup::Images, "images"), (MatterGroup::Amounts, "amounts"), (MatterGroup::Dangers, "dangers")];

/// So many lines of a group are shown in a text; the others are counted.
const SHOWN: usize = 5;

/// All that matters, the weightiest first. What a danger repeats of another group is left out.
pub(super) fn lines(impact: &Impact) -> Vec<MatterLine> {
    let line = |group, (lead, words, origin): (&String, &String, &Option<Place>)| MatterLine {
        group,
        lead: lead.clone(),
        words: words.clone(),
        origin: origin.clone(),
    };
    let data = impact.data.iter().map(|one| (MatterGroup::Data, (&one.lead, &one.words, &one.origin)));
    let away =
        impact.interruptions.iter().map(|one| (MatterGroup::Interruptions, (&one.lead, &one.words, &one.origin)));
    let images = impact.images.iter().map(|one| (MatterGroup::Images, (&one.lead, &one.words, &one.origin)));
    let amounts = impact.amounts.iter().map(|one| (MatterGroup::Amounts, (&one.lead, &one.words, &one.origin)));
    let dangers = impact.dangers.iter().filter(|one| !one.told_above);
    let dangers = dangers.map(|one| (MatterGroup::Dangers, (&one.lead, &one.words, &one.origin)));
    let all = data.chain(away).chain(images).chain(amounts).chain(dangers);
    all.map(|(group, parts)| line(group, parts)).collect()
}

/// A line of a text that does not show everything.
pub(super) enum ShownMatter<'a> {
    Line(&'a MatterLine),
    /// How many are left out of a group.
    More(String),
}

/// The first few lines of each group, and how many more there are.
pub(super) fn shown(lines: &[MatterLine]) -> impl Iterator<Item = ShownMatter<'_>> {
    lines.chunk_by(|one, other| one.group == other.group).flat_map(|group| {
        let more = group.len().saturating_sub(SHOWN);
        let what = match group[0].group {
            MatterGroup::Data => "about data",
            MatterGroup::Interruptions => "about interruptions",
            MatterGroup::Images => "about images",
            MatterGroup::Amounts => "about amounts",
            MatterGroup::Dangers => "about dangers",
        };
        let more = (more > 0).then(|| ShownMatter::More(format!("and {} {what}", many(more, "more line"))));
        group.iter().take(SHOWN).map(ShownMatter::Line).chain(more)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_group_the_first_few_are_shown_and_the_others_counted() {
        let line = |group, at: usize| MatterLine { group, lead: format!("{at}:"), words: String::new(), origin: None };
        let mut lines: Vec<MatterLine> = (0..9).map(|at| line(MatterGroup::Data, at)).collect();
        lines.push(line(MatterGroup::Dangers, 9));
        let shown: Vec<String> = shown(&lines)
            .map(|line| match line {
                ShownMatter::Line(line) => line.lead.clone(),
                ShownMatter::More(more) => more,
            })
            .collect();
        assert_eq!(shown, ["0:", "1:", "2:", "3:", "4:", "and 4 more lines about data", "9:"]);
    }
}
