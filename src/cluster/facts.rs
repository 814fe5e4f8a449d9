//! What a cluster serves: its kinds, and what the fields of ours are.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::{StreamExt, stream};

use super::connect::Connection;
use super::discovery::{Kinds, discover};
use super::errors::ApiError;
use crate::cel::DefinitionRules;
use crate::merge::Schemas;
use crate::render::ObjectId;

/// What a cluster serves, as far as some objects need it.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) kinds: Kinds,
    /// What fields are: those of the built-in kinds, and of the custom ones as the cluster defines them.
    pub(crate) schemas: Schemas,
    /// The rules that definitions of custom kinds write.
    pub(crate) rules: DefinitionRules,
    /// The definitions of custom kinds that were asked for.
    asked: BTreeSet<String>,
}

impl Facts {
    /// IO: asks for the kinds, and for the definitions of those that some objects are of.
    pub(crate) async fn read<'i>(
        connection: &Connection,
        ids: impl Iterator<Item = &'i ObjectId> + Clone,
    ) -> Result<Self, ApiError> {
        let kinds = discover(connection).await?;
        let asked = definitions(&kinds, ids.clone());
        let versions = ids.map(|id| id.api_version.clone()).collect();
        let (schemas, rules) = schemas(connection, &asked, &versions).await?;
        Ok(Self { kinds, schemas, rules, asked })
    }

    /// What is known without asking any server.
    pub(crate) fn unasked(schemas: Schemas, rules: DefinitionRules) -> Self {
        Self { kinds: Kinds::unasked(), schemas, rules, asked: BTreeSet::new() }
    }

    /// Whether all that some objects need is known.
    pub(crate) fn cover<'i>(&self, ids: impl Iterator<Item = &'i ObjectId> + Clone) -> bool {
        ids.clone().all(|id| self.kinds.of(id).is_ok()) && definitions(&self.kinds, ids).is_subset(&self.asked)
    }
}

/// The names of the definitions of custom kinds (`clusters.postgresql.cnpg.io`) that some objects are of.
fn definitions<'i>(kinds: &Kinds, ids: impl Iterator<Item = &'i ObjectId>) -> BTreeSet<String> {
    let built_in = Schemas::builtin();
    let custom = ids.filter(|id| built_in.kind(&id.api_version, &id.kind).is_none());
    custom.filter_map(|id| Some(format!("{}.{}", kinds.of(id).ok()?.plural, id.group()))).collect()
}

/// The schemas of the built-in kinds and of some custom ones (`clusters.postgresql.cnpg.io`), as the cluster defines them; with the
/// rules of those versions that are in use.
///
/// A definition that is not there or has no structure is left out: objects of its kind are then compared by the server.
async fn schemas(
    connection: &Connection,
    definitions: &BTreeSet<String>,
    versions: &BTreeSet<Arc<str>>,
) -> Result<(Schemas, DefinitionRules), ApiError> {
    let requests = definitions.iter().map(|name| async move {
        connection.get_opt(&format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}")).await
    });
    let mut answers = stream::iter(requests).buffered(16);
    let mut schemas = Schemas::builtin();
    let mut rules = DefinitionRules::default();
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(Some(definition)) => {
                if let Err(error) = schemas.add_crd(&definition) {
                    connection.warned(error.to_string());
                }
                rules.add(&definition, |version| versions.contains(version));
            }
            Ok(None) => {}
            // Of definitions that may not be read, or are not served, the server is asked instead.
            Err(error) if error.is_of_this_alone() => {}
            Err(error) => return Err(error),
        }
    }
    Ok((schemas, rules))
}
