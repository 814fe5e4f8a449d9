//! `parcelle render`.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::workspace::{check_once, find, show_findings};
use super::{CommandFailure, Common, Exit, Output};
use crate::check::Checked;
use crate::render::{Object, OrganisationObjects, SecretRequest, SecretSource};
use crate::source::Sources;
use crate::visible;

/// What `render` takes.
#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    /// An organisation, or one of its apps [default: all organisations]
    #[arg(value_name = "ORG[/APP]")]
    subject: Option<String>,
    /// How to print objects
    #[arg(long, short, value_enum, default_value_t = RenderFormat::Yaml)]
    format: RenderFormat,
    /// Add the line of KDL that each value came from
    #[arg(long)]
    origins: bool,
    /// Render this commit instead of the files on disk
    #[arg(long, value_name = "REV")]
    commit: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RenderFormat {
    /// Documents separated by `---`.
    Yaml,
    /// One Kubernetes List.
    Json,
}

pub(crate) fn run(common: &Common, args: &RenderArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let checked = check_once(&find(common, None)?, args.commit.as_deref())?;
    show_findings(&checked, output);
    let (organisation, app) = subject(args, &checked)?;
    let chosen = checked
        .objects
        .values()
        .filter(|objects| organisation.is_none_or(|name| objects.organisation.as_str() == name));
    let mut items = Vec::new();
    for objects in chosen {
        items.extend(bodies(&objects.open(), app, args.origins, &checked.sources));
    }
    let text = match args.format {
        RenderFormat::Json => {
            let items: Vec<_> = items.iter().map(|(body, _)| body).collect();
            visible::json(format!("{:#}\n", json!({ "apiVersion": "v1", "kind": "List", "items": items })))
        }
        RenderFormat::Yaml => yaml(&items)?,
    };
    output.data(&text)?;
    Ok(if checked.findings.has_errors() { Exit::Garden } else { Exit::Good })
}

fn subject<'a>(args: &'a RenderArgs, checked: &Checked) -> Result<(Option<&'a str>, Option<&'a str>), CommandFailure> {
    let Some(subject) = args.subject.as_deref() else { return Ok((None, None)) };
    let (organisation, app) =
        subject.split_once('/').map_or((subject, None), |(organisation, app)| (organisation, Some(app)));
    let garden = checked.garden.as_ref();
    let known = garden.and_then(|garden| garden.organisations.get(organisation));
    match known {
        None if garden.is_some_and(|garden| garden.broken.contains(organisation)) => Err(CommandFailure::asked(
            format!("`{organisation}` has findings and is not rendered"),
            "mend them first: parcelle check",
        )),
        None => Err(CommandFailure::asked(
            format!("the garden has no organisation `{organisation}`"),
            known_organisations(checked),
        )),
        Some(known) if app.is_some_and(|app| !known.apps.contains_key(app)) => {
            let apps = known.apps.keys().map(crate::name::Name::as_str).collect::<Vec<_>>().join(", ");
            Err(CommandFailure::asked(
                format!("`{organisation}` has no app `{}`", app.unwrap_or_default()),
                format!("its apps: {apps}"),
            ))
        }
        Some(_) => Ok((Some(organisation), app)),
    }
}

/// `the organisations: a, b, c`, for help.
pub(crate) fn known_organisations(checked: &Checked) -> String {
    let names = checked.objects.keys().map(crate::name::Name::as_str).collect::<Vec<_>>();
    format!("the organisations: {}", names.join(", "))
}

/// Every body with its origins as lines of comment.
fn bodies(
    objects: &OrganisationObjects,
    app: Option<&str>,
    origins: bool,
    sources: &Sources,
) -> Vec<(Value, Vec<String>)> {
    let mine =
        |owner: Option<&crate::name::Name>| app.is_none_or(|app| owner.is_some_and(|owner| owner.as_str() == app));
    let of_object = |object: &Object| {
        let lines = object.origins.0.iter().map(|(pointer, span)| format!("{pointer}: {}", sources.locate(*span)));
        (object.body.clone(), if origins { lines.collect() } else { Vec::new() })
    };
    let of_secret = |request: &SecretRequest| {
        let lines = if origins { vec![format!(": {}", sources.locate(request.origin))] } else { Vec::new() };
        (masked(request), lines)
    };
    let secrets = objects.secrets.iter().filter(|request| mine(request.app.as_ref())).map(of_secret);
    let plain = objects.objects.iter().filter(|object| mine(object.app.as_ref())).map(of_object);
    plain.chain(secrets).collect()
}

/// A requested Secret as people may see it: its keys, and how each value comes to be.
fn masked(request: &SecretRequest) -> Value {
    let data: serde_json::Map<String, Value> =
        keys(&request.source).into_iter().map(|(key, how)| (key, Value::String(format!("({how})")))).collect();
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": &*request.id.name, "namespace": &*request.id.namespace, "labels": request.labels },
        "type": request.secret_type,
        "data": data,
    })
}

fn keys(source: &SecretSource) -> Vec<(String, String)> {
    match source {
        SecretSource::Generated { keys } => {
            keys.keys().map(|key| (key.clone(), "made once by parcelle".to_owned())).collect()
        }
        SecretSource::Copied { namespace, name, keys } => {
            keys.iter().map(|(from, to)| (to.clone(), format!("copied from {namespace}/{name}, key {from}"))).collect()
        }
        SecretSource::Template { keys } => {
            keys.keys().map(|key| (key.clone(), "filled in from other Secrets".to_owned())).collect()
        }
    }
}

fn yaml(items: &[(Value, Vec<String>)]) -> Result<String, CommandFailure> {
    let mut text = String::new();
    for (body, origins) in items {
        text.push_str("---\n");
        for line in origins {
            let _ = writeln!(text, "# {line}");
        }
        let document = serde_saphyr::to_string(body)
            .map_err(|error| CommandFailure::Write(std::io::Error::other(error.to_string())))?;
        text.push_str(&document);
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    Ok(text)
}
