//! Lists each kind once for all organisations, and judges each object as it comes.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use rayon::prelude::*;
use serde_json::Value;

use super::super::discovery::Resource;
use super::super::errors::ApiError;
use super::super::inventory::is_part;
use super::super::marks::is_mark;
use super::super::request::{Detail, Listed};
use super::{Found, ReadRequest, Reading, close, selector, typed};
use crate::kind;
use crate::name::Name;
use crate::plan::{Live, LiveObject, ORGANISATION_LABEL, Settled};
use crate::render::ObjectId;

/// Up to so many organisations are listed in their own namespaces; more are listed over all namespaces.
const FEW: usize = 2;

/// So many lists at once where little is kept of them: each holds a page in memory.
const LEAN_LISTS: usize = 4;

/// One list a kind, handed out by the organisation's label.
pub(super) async fn list_all(read: &ReadRequest<'_>, found: &mut Found) -> Result<(), ApiError> {
    let mut wanted: BTreeMap<(&str, &str), BTreeSet<&Name>> = BTreeMap::new();
    for (name, scope) in read.scopes {
        for id in scope.ids() {
            wanted.entry((&id.api_version, &id.kind)).or_default().insert(name);
        }
    }
    let mut lists = Vec::new();
    let mut asked = BTreeSet::new();
    for ((api_version, kind), organisations) in wanted {
        match read.kinds.serving(api_version, kind) {
            Ok(resource) if read.listing.is_some_and(|listing| listing.covers(resource)) => {
                if let Some(why) = read.listing.and_then(|listing| listing.failure(resource)) {
                    unread(&mut found.lives, organisations.into_iter(), &resource.api_version, &resource.kind, why);
                }
            }
            Ok(resource) if asked.insert((resource.api_version.clone(), resource.kind.clone())) => {
                let organisations: Vec<Name> = organisations.iter().map(|name| (*name).clone()).collect();
                lists.push((resource.clone(), organisations));
            }
            Ok(_) => {}
            Err(missing) => {
                unread(&mut found.lives, organisations.into_iter(), api_version, kind, &missing.to_string());
            }
        }
    }
    enter_listed(read, found)?;
    let at_once = if read.reading == Reading::Bodies { 16 } else { LEAN_LISTS };
    let requests = lists.into_iter().map(|(resource, organisations)| async move {
        let items = list_kind(read, &resource, &organisations).await;
        (resource, organisations, items)
    });
    let mut answers = stream::iter(requests).buffer_unordered(at_once);
    while let Some((resource, organisations, items)) = answers.next().await {
        match items {
            Ok((items, version)) => {
                for (organisation, id, item) in items {
                    if let Some(live) = found.lives.get_mut(&organisation) {
                        item.enter(id, live);
                    }
                }
                found.listed.extend(version.map(|version| (resource, version)));
            }
            Err(error) => {
                let why = resource.why_unread(&error, "list");
                unread(&mut found.lives, organisations.iter(), &resource.api_version, &resource.kind, &why);
            }
        }
    }
    Ok(())
}

/// Takes what was listed before for many organisations.
fn enter_listed(read: &ReadRequest<'_>, found: &mut Found) -> Result<(), ApiError> {
    let Some(listing) = read.listing else { return Ok(()) };
    let of = |name: &Name| {
        let mut items = Vec::new();
        let each = |resource: &Resource, item| items.extend(judged(read, item, resource));
        listing.each(name, each).map(|()| items)
    };
    // The work of the processor, on all of its cores.
    for items in read.scopes.par_iter().map(|(name, _)| of(name)).collect::<Vec<_>>() {
        for (organisation, id, kept) in items? {
            if let Some(live) = found.lives.get_mut(&organisation) {
                kept.enter(id, live);
            }
        }
    }
    found.listed.extend(listing.listed());
    Ok(())
}

/// Notes for some organisations that a kind could not be read.
fn unread<'n>(
    lives: &mut BTreeMap<Name, Live>,
    organisations: impl Iterator<Item = &'n Name>,
    api_version: &str,
    kind: &str,
    why: &str,
) {
    for name in organisations {
        if let Some(live) = lives.get_mut(name) {
            live.unread.insert(format!("{api_version} {kind}"), why.to_owned());
        }
    }
}

/// What is kept of an object that a list showed.
enum Kept {
    Whole(LiveObject),
    Settled(Settled),
}

impl Kept {
    fn enter(self, id: ObjectId, live: &mut Live) {
        match self {
            Self::Whole(object) => drop(live.objects.insert(id, object)),
            Self::Settled(settled) => drop(live.settled.insert(id, settled)),
        }
    }
}

type Items = Vec<(Name, ObjectId, Kept)>;

/// The objects of one kind, each judged as it comes; with the version of the list where it was one over all namespaces.
async fn list_kind(
    read: &ReadRequest<'_>,
    resource: &Resource,
    organisations: &[Name],
) -> Result<(Items, Option<String>), ApiError> {
    let mut items = Vec::new();
    let mut each = |listed| match listed {
        Listed::Anew => items.clear(),
        Listed::Item(mut item) => {
            close(read.connection, &mut item, resource);
            items.extend(judged(read, item, resource));
        }
    };
    let connection = read.connection;
    if !resource.namespaced || read.scopes.len() > FEW || read.reading == Reading::Lean {
        let chosen = selector(read.garden, read.by_name);
        let version = connection.list_each(&resource.list_path(""), &chosen, Detail::Whole, each).await?;
        return Ok((items, Some(version).filter(|version| !version.is_empty())));
    }
    for name in organisations {
        let path = resource.list_path(&read.scopes[name].judge.desired.namespace);
        let own = selector(read.garden, Some(&BTreeSet::from([name.clone()])));
        connection.list_each(&path, &own, Detail::Whole, &mut each).await?;
    }
    Ok((items, None))
}

/// What is kept of an item of a list, the values of a Secret gone already; nothing where it is of no organisation that is asked for.
fn judged(read: &ReadRequest<'_>, item: Value, resource: &Resource) -> Option<(Name, ObjectId, Kept)> {
    let organisation = item["metadata"]["labels"][ORGANISATION_LABEL].as_str().unwrap_or_default();
    let (organisation, scope) = read.scopes.get_key_value(organisation)?;
    if resource.is(kind::CONFIG_MAP) && (is_part(&item) || is_mark(&item)) {
        return None;
    }
    let (id, object) = typed(item, resource);
    let verified = scope.judge.verified(&id, &object);
    let settled = verified.is_some();
    if let Some(mirror) = read.mirror {
        mirror.read(&id, &object, verified);
    }
    let settled = settled && read.reading != Reading::Bodies;
    let kept = if settled { Kept::Settled(Settled::of(&object)) } else { Kept::Whole(object) };
    Some((organisation.clone(), id, kept))
}
