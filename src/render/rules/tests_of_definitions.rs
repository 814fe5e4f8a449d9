//! The tests that definitions bring: each renders an app of its own in a garden of nothing else.

use std::sync::Arc;

use crate::expression::too_much_work;
use crate::finding::{Code, Finding, Findings, Severity};
use crate::model::definition::{Definition, Definitions, Test, environment, objects_value};
use crate::model::{self, Garden};
use crate::name::Name;
use crate::render::allowance::RenderAllowance;
use crate::schema;
use crate::source::FileId;
use crate::syntax;

/// A test whose app cannot be rendered.
pub(crate) const NO_APP: Code = Code::new("E0451");

/// The file of the garden around a test; nothing in it is ever shown.
const AROUND: FileId = FileId(u32::MAX);
/// The file of the organisation in it.
const INSIDE: FileId = FileId(u32::MAX - 1);

/// A garden that provides everything. Hosts of tests lie in `example.org`.
const GARDEN: &str = r#"
edition 2026

garden tests {
    title "Tests"
    ceiling { cpu 1000000 cores; memory 1000000 TiB; storage 1000000 TiB; }
}

cluster tests {
    title "Tests"
    uid "00000000-0000-0000-0000-000000000000"
    timezone "Europe/Paris"
    domain tests.example
    belongs example.org to=tests
    provides {
        postgres cloudnative-pg
        mongodb percona
        redis valkey
        bucket garage { cluster storage; namespace garage; endpoint "https://s3.example.org"; }
        volume storage-class { class fast; shared-class shared; }
        route gateway-api { gateway public; namespace gateways; certificates letsencrypt; }
        mail relay { host smtp.example.org; port 587; credentials smtp-relay; }
    }
}
"#;

/// An organisation with the app of a test.
const ORGANISATION: &str = r#"
edition 2026

organisation tests {
    title "Tests"
    cluster tests
    domain example.org
    app DEFINITION app
}
"#;

/// Runs every test of every definition that loaded; each that fails is a finding in the definition's file. What a garden only adds
/// to changes nothing of those that come with parcelle (`built_in`): their tests have passed.
pub fn check(definitions: &Definitions, built_in: Option<&Definitions>, findings: &mut Findings) {
    let is_same = |name: &Name, definition: &Arc<Definition>| {
        definitions.loaded.get(name).is_some_and(|loaded| Arc::ptr_eq(loaded, definition))
    };
    let passed = built_in.filter(|built_in| built_in.loaded.iter().all(|(name, known)| is_same(name, known)));
    let is_new = |name: &Name| passed.is_none_or(|passed| !passed.loaded.contains_key(name));
    for (_, definition) in definitions.loaded.iter().filter(|(name, _)| is_new(name)) {
        // All tests of a definition together cost what one organisation may.
        let mut allowance = RenderAllowance::of_organisation();
        for test in &definition.tests {
            if allowance.is_exceeded() {
                break;
            }
            run(definitions, definition, test, &mut allowance, findings);
        }
    }
}

fn run(
    definitions: &Definitions,
    definition: &Definition,
    test: &Test,
    allowance: &mut RenderAllowance,
    findings: &mut Findings,
) {
    let mut found = Findings::default();
    let garden = garden_around(definitions, definition, test, &mut found);
    let organisation = garden.as_ref().and_then(|garden| garden.organisations.get("tests"));
    let app = organisation.and_then(|organisation| organisation.apps.get("app"));
    let (Some(garden), Some(organisation), Some(app)) = (&garden, organisation, app) else {
        return why_not(test, found, findings);
    };
    let mut over = Findings::default();
    let objects = crate::render::with_findings(garden, organisation, jiff::Timestamp::UNIX_EPOCH, allowance, &mut over);
    super::limits::check(organisation, &objects, &super::judged::SettledAmounts::new(), &mut over);
    over.into_iter().filter(|finding| !is_around(finding.file())).for_each(|mut finding| {
        finding.secondary.retain(|label| !is_around(label.span.file));
        findings.push(finding);
    });
    let of_app = objects.objects.iter().filter(|object| object.app.is_some());
    let value = objects_value("app", of_app.map(|object| (&*object.id.kind, &*object.id.name, &object.body)));
    let names = environment(organisation, app).with("objects", value);
    let failures = test.failures(&names);
    match names.budget().beyond() {
        Some(place) => findings.push(too_much_work(&format!("the test `{}`", test.name.value), place, test.span)),
        None => failures.into_iter().for_each(|finding| findings.push(finding)),
    }
}

/// What is wrong with the lines of a test; of the garden around it nothing is shown.
fn why_not(test: &Test, found: Findings, findings: &mut Findings) {
    let of_test = |finding: &Finding| !is_around(finding.file()) && finding.severity == Severity::Error;
    let first = found.iter().find(|finding| finding.severity == Severity::Error).map(|finding| finding.title.clone());
    let mut about: Vec<Finding> = found.into_iter().filter(of_test).collect();
    for finding in &mut about {
        finding.secondary.retain(|label| !is_around(label.span.file));
        // The lines are the definition's, not those of the organisation around them.
        finding.stops = None;
    }
    if about.is_empty() {
        let title = format!("the app of the test `{}` cannot be rendered", test.name.value);
        let mut finding = Finding::refused(NO_APP, title, test.span).help("say in `given` what an organisation would");
        finding.why = first;
        about.push(finding);
    }
    for finding in about {
        findings.push(finding);
    }
}

fn garden_around(
    definitions: &Definitions,
    definition: &Definition,
    test: &Test,
    findings: &mut Findings,
) -> Option<Garden> {
    let around = syntax::parse(AROUND, GARDEN, findings);
    let organisation = ORGANISATION.replace("DEFINITION", definition.name.as_str());
    let mut inside = syntax::parse(INSIDE, &organisation, findings);
    let organisation = inside.nodes.iter_mut().find(|node| node.name.value == "organisation");
    if let Some(organisation) = organisation {
        let app = organisation.children.iter_mut().find(|node| node.name.value == "app");
        if let Some(app) = app {
            app.children.clone_from(&test.given);
        }
        organisation.children.extend(test.beside.iter().cloned().map(|mut beside| {
            "app".clone_into(&mut beside.name.value);
            beside
        }));
    }
    let mut check = |path: &str, document| (path.to_owned(), schema::check(document, findings));
    let files = vec![check("garden.kdl", around), check("organisations/tests.kdl", inside)];
    let files = model::place(files, "", findings);
    model::build(&files, definitions, None, findings)
}

/// Whether a file is one of the garden around a test.
fn is_around(file: FileId) -> bool {
    matches!(file, AROUND | INSIDE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{SourceFile, Sources};

    /// A part for each element: needs with what they give, workloads like each other, mounts, variables, routes.
    const REPEATED: &str = r#"
edition 2026

definition forum {
    about "A forum."
    releases { channel stable 2; release 2 image="docker.io/example/forum:2.1"; }
    settings {
        setting queues list-of=word
        setting pages map-of=text
    }
    needs {
        @each queue in="settings.queues" {
            bucket files { size 1 GiB; }
            volume store { size 2 GiB; }
            route door { host "${queue}.example.org"; to worker; }
        }
    }
    @each queue in="settings.queues" {
        workload worker {
            port http 8080
            run work "${queue}"
            volume store at="/store"
            env BUCKET "${needs.files[queue].bucket}"
        }
        job sweep { every "0 3 * * *"; like worker; run sweep "${queue}"; }
    }
    workload web {
        port http 8080
        @each queue in="settings.queues" { env "BUCKET_${queue}" "${needs.files[queue].bucket}"; }
        @each page in="settings.pages" { file "/pages/${page.key}" "${page.value}" format=text; }
    }
    test none {
        given { at forum.example.org; }
        expect "objects.Deployment.size() == 1"
    }
    test two {
        given { at forum.example.org; queues mail slow; pages { start "Hello"; end "Bye"; }; }
        expect "objects.Deployment.size() == 3"
        expect "objects.CronJob.size() == 2"
        expect "objects.GarageBucket.size() == 2"
        expect "objects.PersistentVolumeClaim.size() == 2"
        expect "objects.HTTPRoute.size() >= 2"
        expect "objects.ConfigMap.web.data['pages.start'] == 'Hello'"
        expect "objects.Deployment.web.spec.template.spec.containers[0].env.exists(e, e.name == 'BUCKET_mail' && e.value == 'tests--app--files-mail')"
    }
}
"#;

    fn checked(text: &str) -> Vec<String> {
        let (mut sources, mut findings) = (Sources::default(), Findings::default());
        let built_in = Definitions::built_in(&mut sources);
        let file = sources.add(SourceFile::new("definitions/forum.kdl", text));
        let document = schema::check(syntax::parse(file, text, &mut findings), &mut findings);
        let files = model::place(vec![("definitions/forum.kdl".to_owned(), document)], "", &mut findings);
        let mut definitions = built_in.with(&files, &mut findings);
        definitions.loaded.retain(|name, _| name.as_str() == "forum");
        check(&definitions, None, &mut findings);
        findings
            .iter()
            .map(|finding| format!("{} {} {:?}", finding.code.as_str(), finding.title, finding.why))
            .collect()
    }

    #[test]
    fn parts_inside_each_are_there_for_each_element() {
        assert_eq!(checked(REPEATED), Vec::<String>::new());
    }

    #[test]
    fn a_part_of_an_element_that_takes_the_name_of_another_is_found() {
        let twin = REPEATED.replace("workload web {", "job worker-mail { on-upgrade; run echo; }\n    workload web {");
        assert_eq!(checked(&twin), Vec::<String>::new(), "a job and a workload do not meet");
        let twin = REPEATED.replace("workload web {", "workload worker-mail { port http 80; }\n    workload web {");
        let found = checked(&twin);
        assert!(found.iter().any(|line| line.contains("E0450 the Deployment")), "{found:?}");
    }
}
