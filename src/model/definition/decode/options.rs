//! Members that count with some options of their group only.

use super::Decoder;
use crate::finding::{Code, Finding};
use crate::model::Setting;
use crate::model::definition::{SettingDeclaration, SettingType};
use crate::schema::suggest::either;
use crate::source::Span;
use crate::syntax::Value as Written;

/// What belongs to a choice that is not the one that is made.
pub(crate) const UNCHOSEN: Code = Code::new("W0441");

impl Decoder<'_> {
    /// Tells of members that do nothing with the option that is chosen: of those of one node by that node alone, of others once
    /// the layers are one.
    pub(super) fn unchosen(&mut self, declaration: &SettingDeclaration, setting: &Setting, args: &[Written]) {
        let Some(chosen) = args.first() else { return };
        // A word that is no option has a finding of its own.
        let is_option = matches!(&declaration.kind, SettingType::Group(options) if options.contains(&chosen.text));
        if !is_option {
            return;
        }
        let props = setting.props.iter().map(|(name, value)| (name, value.span));
        let children =
            setting.children.iter().filter_map(|(name, children)| Some((name, children.values().next()?.span)));
        let idle = props.chain(children).filter_map(|(name, place)| {
            let member = declaration.members.get(name).filter(|member| !member.counts_with(Some(&chosen.text)))?;
            (!self.whole || !together(chosen.span, place, setting.span)).then_some((name.as_str(), place, member))
        });
        let mut idle: Vec<(&str, Span, &SettingDeclaration)> = idle.collect();
        idle.sort_by_key(|(_, place, _)| *place);
        let Some((_, place, member)) = idle.first() else { return };
        let names = either(idle.iter().map(|(name, ..)| *name)).replace(" or ", " and ");
        let verb = if idle.len() == 1 { "does" } else { "do" };
        let with = either(member.with.iter().map(String::as_str));
        let title = format!("{names} {verb} nothing: `{}` is `{}`", declaration.name, chosen.text);
        let finding = Finding::warning(UNCHOSEN, title, *place)
            .why(format!("it counts where `{}` is {with}", declaration.name))
            .help(format!("take it away, or write `{} {}`", declaration.name, member.with.join(" ")));
        let is_here = together(chosen.span, *place, setting.span);
        self.findings.push(if is_here { finding } else { finding.also(chosen.span, "chosen here") });
    }
}

/// Whether two places are of one node, by the place of its head.
fn together(one: Span, other: Span, head: Span) -> bool {
    let inside = |place: Span| place.file == head.file && head.start <= place.start && place.end <= head.end;
    inside(one) && inside(other)
}
