//! An app under another name.

use super::super::edit::{Edits, GardenAtHand};
use super::super::new::{of_organisation, parse, unknown};
use super::super::{CommandFailure, Exit, Output};
use crate::check::Checked;
use crate::model::definition::SettingType;

use crate::model::{App, AppNode, Organisation, setting_text};
use crate::name::Name;
use crate::source::Span;
use crate::syntax::Node;

pub(super) fn rename(
    garden: &GardenAtHand<'_>,
    app: &str,
    new: &str,
    keep_host: bool,
    output: &Output,
) -> Result<Exit, CommandFailure> {
    let ((organisation, old), new) = (of_organisation(app, "OLD")?, parse(new)?);
    let found = garden.organisation(&organisation)?;
    let Some(app) = found.apps.get(&old) else {
        return Err(unknown("app", old.as_str(), found.apps.keys().map(Name::as_str)));
    };
    if old == new {
        return Err(CommandFailure::asked(
            format!("`{organisation}/{old}` is called so already"),
            "choose another name",
        ));
    }
    if found.apps.contains_key(&new) {
        return Err(CommandFailure::asked(
            format!("`{organisation}` already has an app `{new}`"),
            "choose another name; two names are swapped one commit after the other, over a name that nothing has",
        ));
    }
    let renaming = Renaming { garden, organisation: found, app, new: &new };
    let mut edits = renaming.edits(keep_host)?;
    let mut after = garden.with(&edits);
    if renaming.rename_patches(&after, &mut edits) {
        after = garden.with(&edits);
    }
    garden.write(&edits, &after, output, super::BY_HAND, |_| false)?;
    renaming.tell(&after, output);
    Ok(Exit::Good)
}

struct Renaming<'r> {
    garden: &'r GardenAtHand<'r>,
    organisation: &'r Organisation,
    app: &'r App,
    new: &'r Name,
}

impl Renaming<'_> {
    fn edits(&self, keep_host: bool) -> Result<Edits, CommandFailure> {
        let mut edits = Edits::default();
        let block = &self.garden.node(self.organisation)?;
        match (self.own_node(block), self.offered()) {
            (Some(node), _) => self.of_own(block, node, keep_host, &mut edits),
            (None, Some(offered)) => self.of_offer(block, offered, keep_host, &mut edits),
            (None, None) => {
                let title = format!("the line of `{}` was not found", self.app.name);
                return Err(CommandFailure::asked(title, "rename it by hand: docs/rename.md says how"));
            }
        }
        self.references(block, &mut edits);
        Ok(edits)
    }

    /// The app's node in the organisation's own file.
    fn own_node<'n>(&self, block: &'n Node) -> Option<&'n Node> {
        block
            .children
            .iter()
            .find(|node| self.name_of(node).is_some_and(|at| node.args[at].text == *self.app.name.as_str()))
    }

    /// At which argument a node of an app says its name.
    fn name_of(&self, node: &Node) -> Option<usize> {
        let at = match node.name.value.as_str() {
            "app" => 1,
            "retired" if node.arg(0).is_some_and(|form| form.text == "app") => 2,
            _ => return None,
        };
        (node.args.len() > at).then_some(at)
    }

    fn of_own(&self, block: &Node, node: &Node, keep_host: bool, edits: &mut Edits) {
        let at = self.name_of(node).map(|at| node.args[at].span);
        let quoted = self.name_of(node).is_some_and(|at| node.args[at].quoted);
        let name = if quoted { format!("\"{}\"", self.new) } else { self.new.to_string() };
        at.into_iter().for_each(|span| edits.replace(span, name.clone()));
        let mut lines = Vec::new();
        match (node.child("was"), self.was()) {
            (Some(was), None) => {
                edits.remove(was, &self.garden.checked.sources);
                self.take_up_offer(block, edits);
            }
            (None, Some(line)) => lines.push(line),
            // By its first name, however often it is renamed.
            _ => {}
        }
        lines.extend(self.host_line(keep_host));
        if let Some(offered) = self.offered() {
            lines.extend(self.offered_lines(offered, Some(node), edits));
            edits.lines_into(block, &[format!("without {}", self.app.name)], &self.garden.checked.sources);
        }
        edits.lines_into(node, &lines, &self.garden.checked.sources);
    }

    /// Under its first name it is the offer's app again: the organisation does without it no more.
    fn take_up_offer(&self, block: &Node, edits: &mut Edits) {
        let is_it = |arg: &crate::syntax::Value| arg.text == *self.new.as_str();
        let Some(without) = block.children_named("without").find(|node| node.args.iter().any(is_it)) else { return };
        match without.args.len() {
            1 => edits.remove(without, &self.garden.checked.sources),
            _ => without.args.iter().filter(|arg| is_it(arg)).for_each(|arg| edits.replace(arg.span, String::new())),
        }
    }

    /// An app of the offer alone: one of the organisation's own, which says what the offer does, in its place.
    fn of_offer(&self, block: &Node, offered: &AppNode, keep_host: bool, edits: &mut Edits) {
        let mut lines: Vec<String> = self.was().into_iter().chain(self.host_line(keep_host)).collect();
        lines.extend(self.offered_lines(offered, None, edits));
        let mut node = format!("app {} {} {{\n", offered.definition.value, self.new);
        lines.iter().flat_map(|line| line.lines()).for_each(|line| node.push_str(&format!("    {line}\n")));
        node.push('}');
        let without = format!("without {}", self.app.name);
        edits.lines_into(block, &[without, node], &self.garden.checked.sources);
    }

    fn offered(&self) -> Option<&AppNode> {
        self.organisation.offer.as_ref()?.apps.get(&self.app.name)
    }

    /// What the offer says of the app and the organisation does not, or in part only.
    fn offered_lines(&self, offered: &AppNode, own: Option<&Node>, edits: &mut Edits) -> Vec<String> {
        let sources = &self.garden.checked.sources;
        let key = |node: &Node| (node.name.value.clone(), node.arg(0).map(|key| key.text.clone()));
        let mut lines = Vec::new();
        for child in &offered.node.children {
            let word = child.name.value.as_str();
            let declaration = self.app.definition.settings.get(word);
            let said = own.and_then(|node| match declaration {
                Some(_) => node.child(word),
                None => node.children.iter().find(|own| key(own) == key(child)),
            });
            match (said, declaration, self.app.settings.get(word)) {
                (None, ..) => lines.push(unindented(sources.text(child.span))),
                // Word by word both count: what comes of them.
                (Some(said), Some(declaration), Some(setting)) => {
                    edits.replace(said.span, setting_text(declaration, setting));
                }
                (Some(_), ..) => {}
            }
        }
        lines
    }

    /// `was OLD`, where something may be called so.
    fn was(&self) -> Option<String> {
        let data = self.app.data_name();
        let known = self.garden.past.as_ref().map(|past| past.organisations.get(&self.organisation.name));
        let never = known.is_some_and(|past| past.is_none_or(|past| !past.apps.contains_key(&self.app.name)));
        (data != self.new && (self.app.was.is_some() || !never)).then(|| format!("was {data}"))
    }

    /// The host that follows the name, kept.
    fn host_line(&self, keep_host: bool) -> Option<String> {
        let moved = self.followed_host().filter(|_| keep_host)?;
        Some(format!("at {moved}"))
    }

    /// The host that the app has by its name, where it says none.
    fn followed_host(&self) -> Option<&str> {
        let at = self.app.layers.get("at").is_none_or(Vec::is_empty);
        self.app.hosts.first().filter(|_| at).map(|host| host.value.as_str())
    }

    /// Settings of other apps, and the sign-on, that name the app.
    fn references(&self, block: &Node, edits: &mut Edits) {
        let file = self.organisation.file;
        let own = |span: Span| span.file == file;
        let mut replace = |span: Span| edits.replace(span, self.new.to_string());
        let signed = block.child("sign-on").and_then(|node| node.arg(0));
        if let Some(name) = signed.filter(|name| name.text == self.app.name.as_str()) {
            replace(name.span);
        }
        for other in self.organisation.apps.values() {
            for (name, declaration) in &other.definition.settings {
                let SettingType::Reference(_) = declaration.kind else { continue };
                let layers = other.layers.get(name).into_iter().flatten();
                let mut seen = Vec::new();
                for arg in layers.filter_map(|setting| setting.args.first()).filter(|arg| own(arg.span)) {
                    // What stands in `defaults` is a layer of every app.
                    if arg.text == self.app.name.as_str() && !seen.contains(&arg.span) {
                        seen.push(arg.span);
                        replace(arg.span);
                    }
                }
            }
        }
    }

    /// Renames the objects of `patch`, `field` and `adopt` lines that would name nothing; false where there are none.
    fn rename_patches(&self, after: &Checked, edits: &mut Edits) -> bool {
        let block = self.garden.node(self.organisation).ok();
        let Some(node) = block.as_ref().and_then(|block| self.own_node(block)) else { return false };
        let (old, new) = (self.app.name.as_str(), self.new.as_str());
        let lines = node.children.iter().filter(|line| matches!(line.name.value.as_str(), "patch" | "field" | "adopt"));
        let mut any = false;
        for line in lines {
            let Some(object) = line.arg(1) else { continue };
            let Some(rest) = object.text.strip_prefix(old).filter(|rest| rest.is_empty() || rest.starts_with('-'))
            else {
                continue;
            };
            let kind = line.arg(0).map_or("", |kind| kind.text.as_str());
            if names_nothing(after, kind, &object.text) {
                edits.replace(object.span, format!("{new}{rest}"));
                any = true;
            }
        }
        any
    }

    fn tell(&self, after: &Checked, output: &Output) {
        let (organisation, old, new) = (&self.organisation.name, &self.app.name, self.new);
        if let Some(was) = self.was() {
            output.note(&format!("its data keeps its name: `{was}` says so for as long as there is any"));
        }
        let lives = !self.app.life.is_retired();
        let renamed = after.garden.as_ref().and_then(|garden| garden.organisations.get(organisation)?.apps.get(new));
        let host = renamed.and_then(|app| app.hosts.first()).filter(|_| lives);
        if let (Some(before), Some(now)) = (self.app.hosts.first(), host)
            && before.value != now.value
        {
            let before = &before.value;
            output.note(&format!(
                "people find it at {} from then on, and at {before} nothing; to keep that host: `at {before}`",
                now.value
            ));
        }
        if let (Some(_), Some(offer)) = (self.offered(), &self.organisation.offer) {
            let offer = &offer.name;
            output.note(&format!(
                "`{old}` is an app of the offer {offer}: what {offer} says of that app stands in the file now, and is no longer followed where {offer} changes it"
            ));
        }
        output.note(&super::next(self.garden, organisation));
    }
}

/// Whether a line names an object that is not rendered.
fn names_nothing(checked: &Checked, kind: &str, name: &str) -> bool {
    let title = format!("there is no {kind} `{name}` to ");
    checked.findings.iter().any(|finding| finding.title.starts_with(&title))
}

/// A text whose further lines stand as far in as its first.
fn unindented(text: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let least = text.lines().skip(1).filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or(0);
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    std::iter::once(first)
        .chain(lines.map(|line| line.get(least..).unwrap_or_default().to_owned()))
        .collect::<Vec<_>>()
        .join("\n")
}
