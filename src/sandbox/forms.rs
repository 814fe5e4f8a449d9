//! The form of an answer that an `Accept` header asks for: whole, metadata only, or a table.

use ::http::{HeaderMap, header};
use serde_json::{Value, json};

use super::{http::Encoding, resources::ServedResource, status::Status};

/// A media range of an `Accept` header.
enum Wanted {
    Whole,
    /// Metadata of one object, or of a list.
    Metadata {
        of_list: bool,
    },
    Table,
    /// A form that the server does not know.
    Unknown,
}

impl Wanted {
    fn parse(range: &str) -> Self {
        let mut parameters = range.split(';').skip(1).filter_map(|word| word.trim().split_once('='));
        match parameters.find(|(name, _)| *name == "as") {
            None => Self::Whole,
            Some((_, "PartialObjectMetadata")) => Self::Metadata { of_list: false },
            Some((_, "PartialObjectMetadataList")) => Self::Metadata { of_list: true },
            Some((_, "Table")) => Self::Table,
            Some(_) => Self::Unknown,
        }
    }
}

/// The form of the answer to a verb. The first one that the server knows decides, even when another would do.
///
/// # Errors
/// The form is one for a list and no list is asked for, or the other way round; or none is known.
pub(super) fn asked(headers: &HeaderMap, verb: &str, resource: &ServedResource) -> Result<Encoding, Status> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let known = accept.split(',').map(Wanted::parse).find(|wanted| !matches!(wanted, Wanted::Unknown));
    match (known, verb) {
        (Some(Wanted::Whole), _) => Ok(Encoding::Whole),
        (Some(Wanted::Table), _) => Ok(Encoding::Table),
        (Some(Wanted::Metadata { of_list: false }), "list") => Err(unfit(format!(
            "you requested PartialObjectMetadata, but the requested object is a list ({})",
            go_type(resource, "List")
        ))),
        (Some(Wanted::Metadata { of_list: true }), "get") => Err(unfit(format!(
            "you requested PartialObjectMetadataList, but the requested object is not a list ({})",
            go_type(resource, "")
        ))),
        (Some(Wanted::Metadata { .. }), _) => Ok(Encoding::Metadata),
        (None | Some(Wanted::Unknown), _) => Err(unfit(
            "only the following media types are accepted: application/json, application/yaml, \
             application/vnd.kubernetes.protobuf"
                .to_owned(),
        )),
    }
}

fn unfit(message: String) -> Status {
    Status::plain(406, "NotAcceptable", message)
}

/// The type that the server decodes such objects into, as its messages name it.
fn go_type(resource: &ServedResource, suffix: &str) -> String {
    if resource.custom.is_some() {
        return format!("*unstructured.Unstructured{suffix}");
    }
    let package = match resource.group.as_str() {
        "" | "events.k8s.io" => "core",
        group => group.split('.').next().unwrap_or(group),
    };
    format!("*{package}.{}{suffix}", resource.kind)
}

/// A table of objects by their metadata: names and when they were made.
pub(super) fn table<'m>(metadata: &str, objects: impl Iterator<Item = &'m str>) -> String {
    let columns = [("Name", "name"), ("Created At", "date")];
    let columns = columns.map(
        |(name, format)| json!({"name": name, "type": "string", "format": format, "description": name, "priority": 0}),
    );
    let rows = objects.map(|metadata| {
        let metadata: Value = serde_json::from_str(metadata).unwrap_or_default();
        let cells = [&metadata["name"], &metadata["creationTimestamp"]];
        let object = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata});
        json!({"cells": cells, "object": object})
    });
    let metadata: Value = serde_json::from_str(metadata).unwrap_or_default();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": columns,
        "rows": rows.collect::<Vec<Value>>(),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::resources::Registry;

    const OBJECT: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    const LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

    fn form(accept: &str, verb: &str, group: &str, plural: &str) -> Result<Encoding, String> {
        let registry = Registry::new(Vec::new());
        let resource = registry.find(group, "v1", plural).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        asked(&headers, verb, resource).map_err(|status| status.message)
    }

    #[test]
    fn the_first_known_form_decides() {
        let of = |accept: &str, verb| form(accept, verb, "", "configmaps");
        assert_eq!(of(OBJECT, "get"), Ok(Encoding::Metadata));
        assert_eq!(of(LIST, "list"), Ok(Encoding::Metadata));
        assert_eq!(of(&format!("{OBJECT},{LIST}"), "get"), Ok(Encoding::Metadata));
        assert_eq!(of(&format!("application/json,{LIST}"), "get"), Ok(Encoding::Whole));
        assert_eq!(of("application/json;as=Nothing;g=meta.k8s.io;v=v1,application/json", "list"), Ok(Encoding::Whole));
        assert_eq!(of("application/json;as=Table;g=meta.k8s.io;v=v1", "list"), Ok(Encoding::Table));
        assert!(of("application/json;as=Nothing", "get").is_err());
    }

    #[test]
    fn the_form_of_a_list_is_none_for_an_object_and_the_other_way_round() {
        let list = "you requested PartialObjectMetadata, but the requested object is a list";
        let object = "you requested PartialObjectMetadataList, but the requested object is not a list";
        for more in ["", ",application/json", &format!(",{LIST}"), &format!(",{OBJECT}")] {
            let refused = form(&format!("{OBJECT}{more}"), "list", "", "configmaps");
            assert_eq!(refused, Err(format!("{list} (*core.ConfigMapList)")));
            let refused = form(&format!("{LIST}{more}"), "get", "rbac.authorization.k8s.io", "roles");
            assert_eq!(refused, Err(format!("{object} (*rbac.Role)")));
        }
    }
}
