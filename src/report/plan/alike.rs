//! Organisations whose details read the same: they are told once.

use std::collections::BTreeMap;

use super::{TextStyle, text};
use crate::name::Name;
use crate::plan::OrganisationPlan;

/// So many of them are named; the others are counted.
const NAMED: usize = 2;

/// The organisations of a plan by what their details read, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct AlikeOrganisations {
    by_text: BTreeMap<Vec<u8>, Vec<Name>>,
}

impl AlikeOrganisations {
    /// Adds one organisation more.
    pub(crate) fn add(&mut self, plan: &OrganisationPlan, style: TextStyle) {
        if let Some(key) = key(plan, style) {
            self.by_text.entry(key).or_default().push(plan.organisation.clone());
        }
    }

    /// One organisation's part, told for all that are alike where it is the first of them; empty for the others, and where there
    /// is nothing to tell.
    pub(crate) fn organisation(&self, plan: &OrganisationPlan, style: TextStyle) -> String {
        let alike = key(plan, style).and_then(|key| self.by_text.get(&key));
        match alike.map(Vec::as_slice) {
            Some([first, _, ..]) if *first != plan.organisation => String::new(),
            Some(all @ [_, _, ..]) => text::of_alike(&names(all), plan, style),
            _ => text::organisation(plan, style),
        }
    }
}

/// What the details of an organisation read, in few bytes; nothing where each is told by itself.
fn key(plan: &OrganisationPlan, style: TextStyle) -> Option<Vec<u8>> {
    let text = (!style.verbose).then(|| text::of_alike("", plan, style))?;
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    (!text.is_empty()).then(|| digest.as_ref().to_vec())
}

/// `art-bati, ingenium and 102 more`.
fn names(all: &[Name]) -> String {
    let mut named: Vec<String> = all.iter().take(NAMED).map(ToString::to_string).collect();
    let more = all.len() - named.len();
    named.extend((more > 0).then(|| format!("{more} more")));
    match named.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => named.concat(),
    }
}
