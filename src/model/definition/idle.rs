//! What a definition makes nothing of, of the settings that every app has.

use super::{Definition, NeedKind};
use crate::schema::suggest::either;

/// The needs that hold nothing.
const HOLD_NOTHING: &[NeedKind] = &[NeedKind::Mail, NeedKind::Route, NeedKind::Outward];

impl Definition {
    /// Why a setting that every app has does nothing for its apps; none where it may do something.
    pub(in crate::model) fn idle(&self, setting: &str) -> Option<String> {
        let name = &self.name;
        let is_read = |setting: &str| self.reads.reading(setting).is_some();
        let asks = |kind: NeedKind| self.needs.iter().any(|need| need.item.kind == kind);
        match setting {
            // Further hosts of what knows one address are refused.
            "also-at" if self.one_address.is_some() => None,
            "at" | "also-at" if is_read(setting) => None,
            "at" | "also-at" if !asks(NeedKind::Route) => Some(format!("{name} has no web address")),
            "also-at" => Some(format!("{name} answers at one address: nothing of it reads `settings.also-at`")),
            "storage" if !is_read("storage") => Some(format!("{name} has nothing whose size an app says")),
            "size" if !self.reads.factor => Some(format!("what {name} takes is always the same")),
            "scale" | "peak" if !is_read("scale") => Some(self.alone()),
            "mail" if !asks(NeedKind::Mail) && !is_read("mail") => Some(format!("{name} sends no mail")),
            "nights" if self.workloads.is_empty() => Some(format!("nothing of {name} runs all the time")),
            "backup" | "keep-data" if self.holds_nothing() => Some(format!("{name} holds no data")),
            _ => None,
        }
    }

    /// Why a setting that every app has does nothing for its apps, or does not do all that it does for others, by its own word.
    pub(crate) fn limit_of(&self, setting: &str) -> Option<String> {
        let alone = || self.single_replica.as_ref().map(|_| self.alone());
        self.idle(setting).or_else(|| match setting {
            "scale" | "peak" => alone(),
            "also-at" => self.at_one_address(),
            _ => None,
        })
    }

    /// What its apps cannot do and why, and which of the settings that every app has do nothing for them.
    pub(crate) fn limits(&self) -> Vec<String> {
        let mut limits: Vec<String> = self.single_replica.iter().map(|_| self.alone()).collect();
        limits.extend(self.at_one_address());
        let idle = ["at", "also-at", "storage", "size", "scale", "peak", "mail", "nights", "backup"];
        let idle: Vec<&str> = idle.into_iter().filter(|setting| self.idle(setting).is_some()).collect();
        if !idle.is_empty() {
            let named = either(idle.iter().copied()).replace(" or ", " and ");
            limits.push(format!("Of the settings that every app has, {named} do nothing here"));
        }
        limits
    }

    /// Why its apps have no further host; none where they may.
    pub(in crate::model) fn at_one_address(&self) -> Option<String> {
        let reason = self.one_address.as_ref()?;
        Some(format!("{} knows one address of its own: {}", self.name, reason.value))
    }

    /// Why its apps run once, whatever they say.
    pub(in crate::model) fn alone(&self) -> String {
        match &self.single_replica {
            Some(reason) => format!("{} must run alone: {}", self.name, reason.value),
            None => format!("{} runs once: none of its workloads reads `settings.scale`", self.name),
        }
    }

    /// Whether apps of it hold what people would miss.
    pub(in crate::model) fn holds_data(&self) -> bool {
        let holds = |kind| matches!(kind, NeedKind::Bucket | NeedKind::Mongodb | NeedKind::Postgres | NeedKind::Volume);
        self.needs.iter().any(|need| holds(need.item.kind))
    }

    /// Whether nothing of it can be lost.
    fn holds_nothing(&self) -> bool {
        self.objects.is_empty()
            && self.needs.iter().all(|need| HOLD_NOTHING.contains(&need.item.kind))
            && !self.workloads.iter().any(|workload| workload.item.stateful)
    }
}
