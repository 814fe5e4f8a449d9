//! Times that every app may say: what lies between `from` and `to`.

use super::Decoder;
use crate::finding::{Applicability, Code, Finding};
use crate::model::Setting;
use crate::model::definition::{SettingDeclaration, SettingType};
use crate::schema::scalar::MALFORMED;
use crate::syntax::Value as Written;

/// A time that is over before anything happens in it.
pub(crate) const NO_TIME: Code = Code::new("E0440");

impl Decoder<'_> {
    /// Days end after they begin, and hours of a day end at another time than they begin.
    pub(super) fn takes_time(&mut self, declaration: &SettingDeclaration, setting: &Setting) {
        let kind = |name: &str| declaration.members.get(name).map(|member| &member.kind);
        let (Some(from), Some(to)) = (setting.props.get("from"), setting.props.get("to")) else { return };
        if !declaration.common || kind("from") != kind("to") {
            return;
        }
        let finding = match kind("from") {
            Some(SettingType::Date) => days(&declaration.name, from, to),
            Some(SettingType::Time) => hours(&declaration.name, from, to),
            _ => None,
        };
        if let Some(finding) = finding {
            self.findings.push(finding.also(from.span, "it begins here"));
        }
    }

    /// Tells of two times of day in the place of one.
    pub(super) fn is_range_of_hours(
        &mut self,
        declaration: &SettingDeclaration,
        member: &SettingDeclaration,
        value: &Written,
    ) -> bool {
        let Some((from, to)) = value.text.split_once(['-', '–']) else { return false };
        let (from, to) = (from.trim(), to.trim());
        let is_time = |text: &str| jiff::civil::Time::strptime("%H:%M", text).is_ok();
        if !is_time(from) || !is_time(to) || !declaration.common {
            return false;
        }
        let title = format!("`{}` wants one time of day, not `{}`", member.name, value.text);
        let finding = Finding::error(MALFORMED, title, value.span);
        let finding = if declaration.members.contains_key("to") {
            finding.help(format!("write `from=\"{from}\" to=\"{to}\"`"))
        } else {
            let help = format!("write when it begins: `{}=\"{from}\"`", member.name);
            let finding = finding.help(help).fix(
                Applicability::Guess,
                format!("write `{from}`"),
                value.span,
                format!("{from:?}"),
            );
            match &member.about {
                Some(about) => finding.why(about.clone()),
                None => finding,
            }
        };
        self.findings.push(finding);
        true
    }
}

fn days(name: &str, from: &Written, to: &Written) -> Option<Finding> {
    let moment = |date: &Written| date.text.parse::<jiff::civil::DateTime>().ok();
    let (begins, ends) = (moment(from)?, moment(to)?);
    if begins < ends {
        return None;
    }
    let when = if begins == ends { "when" } else { "before" };
    let finding = Finding::error(NO_TIME, format!("`{name}` ends {when} it begins"), to.span);
    let is_day = |date: &Written| !date.text.contains('T');
    Some(if is_day(from) && is_day(to) && begins == ends {
        finding
            .why("a date alone is the midnight at which its day begins, so nothing lies between")
            .help(format!("write the day after the last one, or the hour too: `to=\"{}T20:00\"`", to.text))
    } else {
        finding.why("it would never come about").help("write a `to` that is later than its `from`")
    })
}

fn hours(name: &str, from: &Written, to: &Written) -> Option<Finding> {
    (from.text == to.text).then(|| {
        Finding::error(NO_TIME, format!("`{name}` ends when it begins"), to.span)
            .why("nothing lies between a time of day and the same one")
            .help("write another time of day; one that is earlier than `from` is that of the next day")
    })
}
