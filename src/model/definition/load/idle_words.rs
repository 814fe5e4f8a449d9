//! Words of a definition that do nothing where they stand.

use super::super::{Definition, NeedKind, SettingDeclaration, SettingType};
use super::context::Context;
use crate::finding::{Code, Finding};
use crate::schema::suggest::either;
use crate::source::Span;
use crate::syntax::Node;

/// A word of a definition that does nothing.
pub(crate) const IDLE: Code = Code::new("W0447");

/// Tells of the words of a definition that do nothing, as far as it says them itself.
pub(super) fn check(context: &mut Context, node: &Node, definition: &Definition, is_own: impl Fn(Span) -> bool) {
    let settings = node.child("settings").into_iter().flat_map(|settings| &settings.children);
    for child in settings.filter(|child| is_own(child.head)) {
        let declared = child.arg(0).and_then(|name| definition.settings.get(&name.text));
        declared.into_iter().for_each(|declared| of_setting(context, child, declared, None));
    }
    let workloads = definition.workloads.iter().map(|workload| &workload.item);
    for workload in workloads.filter(|workload| workload.stateful && workload.recreate && is_own(workload.span)) {
        let title = format!("`recreate` does nothing in the workload `{}`: it is `stateful`", workload.name.value);
        context.push(idle(title, workload.span, "what keeps its identity never runs twice side by side"));
    }
    if let Some(reason) = &definition.one_address {
        let further = definition.needs.iter().filter(|need| need.item.kind == NeedKind::Route);
        for also in further.filter_map(|need| need.item.options.get("also")).filter(|also| is_own(also.span)) {
            let title = "`also` does nothing: the definition says `one-address`";
            let finding = idle(title.to_owned(), also.span, "further hosts of its apps are refused");
            context.push(finding.also(reason.span, "it says why"));
        }
    }
}

fn idle(title: String, place: Span, why: &str) -> Finding {
    Finding::warning(IDLE, title, place).why(why).help("take it away")
}

/// The words of a declaration, and of its members.
fn of_setting(context: &mut Context, node: &Node, declared: &SettingDeclaration, group: Option<&[String]>) {
    let name = &declared.name;
    for word in &node.children {
        let why = match (word.name.value.as_str(), &declared.kind) {
            ("pattern", kind) if !is_text(kind) => "a pattern is held against a text",
            ("range", SettingType::OnOff | SettingType::Map(_) | SettingType::Group(_) | SettingType::Secret) => {
                "a range is held against a number, an amount, the length of a text or of a list"
            }
            ("option", kind) if !matches!(kind, SettingType::Choice(_) | SettingType::Group(_)) => {
                "options are those of a `choice` or a `group`"
            }
            ("allow", kind) if !matches!(kind, SettingType::List(..) | SettingType::Url(_)) => {
                "it says the words that a list may hold, and `http` of an address"
            }
            ("only-grows", kind) if !can_grow(kind) => "only numbers, amounts and lists grow",
            ("required", _) if declared.required && declared.default.is_some() && declared.with.is_empty() => {
                "it has a default, so nobody has to say it"
            }
            ("with", _) => {
                with(context, word, name, group);
                continue;
            }
            _ => continue,
        };
        let title = format!("`{}` does nothing in the declaration of `{name}`", word.name.value);
        context.push(idle(title, word.head, why));
    }
    let options = match &declared.kind {
        SettingType::Group(options) => Some(&options[..]),
        _ => None,
    };
    for child in node.children.iter().filter(|child| matches!(child.name.value.as_str(), "setting" | "property")) {
        let member = child.arg(0).and_then(|name| declared.members.get(&name.text));
        member.into_iter().for_each(|member| of_setting(context, child, member, options));
    }
}

/// `with` names options of the group around.
fn with(context: &mut Context, word: &Node, name: &str, group: Option<&[String]>) {
    let known = group.unwrap_or_default();
    let Some(strange) = word.args.iter().find(|option| !known.contains(&option.text)) else { return };
    let title = format!("`with {}` of `{name}` names no option of its group", strange.text);
    let finding =
        Finding::warning(IDLE, title, strange.span).why("with an option that nobody can choose it never counts");
    context.push(match known {
        [] => finding.help("take it away: there are no options around it"),
        _ => finding
            .help(format!("its options are {}", either(known.iter().map(String::as_str)).replace(" or ", " and "))),
    });
}

fn is_text(kind: &SettingType) -> bool {
    !matches!(
        kind,
        SettingType::OnOff
            | SettingType::Integer
            | SettingType::Number
            | SettingType::Percent
            | SettingType::Size
            | SettingType::Cpu
            | SettingType::Duration
            | SettingType::List(..)
            | SettingType::Map(_)
            | SettingType::Group(_)
            | SettingType::Secret
    )
}

fn can_grow(kind: &SettingType) -> bool {
    matches!(
        kind,
        SettingType::Integer
            | SettingType::Number
            | SettingType::Percent
            | SettingType::Size
            | SettingType::Cpu
            | SettingType::Duration
            | SettingType::List(..)
    )
}
