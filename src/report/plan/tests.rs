//! Plans as people see them: the drawn text is the expectation.

use super::*;
use crate::impact::Impact;
use crate::name::Name;
use crate::plan::Verb;
use crate::plan::{
    Action, Base, Changing, Conflict, Creating, Deed, FieldChange, Keeping, OrganisationPlan, Place, Plan, PlanHead,
    Refusing, SCHEMA, Shown, What,
};
use crate::render::{ObjectId, Stage};
use crate::report::Drawing;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn base() -> Base {
    Base { uid: "u".to_owned(), resource_version: "1".to_owned(), values_hash: String::new() }
}

fn changed(why: Changing) -> Deed {
    Deed::Change { why, base: base(), force: false, hand_over: None, take_away: Vec::new() }
}

fn action(deed: Deed, kind: &str, object: &str, app: Option<&str>) -> Action {
    let id = ObjectId { api_version: "v1".into(), kind: kind.into(), namespace: "o".into(), name: object.into() };
    Action {
        id,
        deed,
        what: What::Object,
        app: app.map(name),
        stage: Stage::Workload,
        holds_data: false,
        origin: None,
        changes: Vec::new(),
        conflicts: Vec::new(),
        causes: Vec::new(),
        verified: true,
        desired_hash: String::new(),
        note: None,
    }
}

fn change(path: &str, before: &str, after: &str, line: usize) -> FieldChange {
    let shown = |text: &str| match text {
        "" => None,
        "SECRET" => Some(Shown::Secret),
        text => Some(Shown::Value(serde_json::from_str(text).unwrap_or_else(|_| text.into()))),
    };
    let origin = Some(Place { file: "orgs/alternatiba.kdl".to_owned(), line, column: 9 });
    FieldChange { path: path.to_owned(), before: shown(before), after: shown(after), origin, drift_by: Vec::new() }
}

fn plan() -> Plan {
    let mut moved = action(changed(Changing::GardenChanged), "Deployment", "cloud-web", Some("cloud"));
    moved.changes = vec![change("spec.replicas", "2", "3", 17)];
    let mut drifted = action(
        changed(Changing::Drift { by: vec!["kubectl-edit".to_owned()] }),
        "ConfigMap",
        "cloud-conf",
        Some("cloud"),
    );
    drifted.changes = vec![FieldChange {
        drift_by: vec!["kubectl-edit".to_owned()],
        ..change("data[ports.conf]", "one\ntwo\nthree\n", "one\n2\nthree\n", 9)
    }];
    let mut refused = action(Deed::refused(Refusing::Conflict), "Service", "cloud", Some("cloud"));
    refused.conflicts = vec![Conflict { manager: "helm".to_owned(), field: ".spec.sessionAffinity".to_owned() }];
    let organisation = |name_: &str, actions| OrganisationPlan {
        organisation: name(name_),
        cluster: name("ada-lovelace"),
        cluster_uid: "uid".to_owned(),
        namespace: name_.to_owned(),
        rendered_hash: String::new(),
        hatches: Vec::new(),
        lost: Vec::new(),
        actions,
        unchanged: 0,
        gone: Vec::new(),
        retired: std::collections::BTreeMap::new(),
        retired_organisation: None,
        later: Vec::new(),
        hour: None,
        standstill: None,
        findings: crate::finding::Findings::default(),
    };
    let kept = || action(Deed::keep(Keeping::Unchanged), "Secret", "x", None);
    let created = ["a", "b", "c", "d"].map(|object| {
        action(Deed::Create(Creating::NotThere), if object < "c" { "ConfigMap" } else { "Job" }, object, Some("pads"))
    });
    Plan {
        head: PlanHead {
            schema: SCHEMA.to_owned(),
            garden: name("indiehosters"),
            commit: "c0ffee".to_owned(),
            renderer_hash: "r".to_owned(),
            made: 0,
        },
        organisations: vec![
            organisation("alternatiba", vec![moved, drifted, refused, kept()]),
            organisation("cnam", vec![kept()]),
            organisation("ingenium", created.to_vec()),
        ],
    }
}

#[test]
fn a_plan_reads_like_a_sentence() {
    let expected = "\
alternatiba: 2 change, 1 refused, 1 unchanged
  cloud
    ~ Deployment cloud-web — the garden asks for it
        spec.replicas: 2 → 3  orgs/alternatiba.kdl:17
    ~ ConfigMap cloud-conf — drift: `kubectl-edit` changed it in the cluster
        data[ports.conf]: by kubectl-edit  orgs/alternatiba.kdl:9
            one
          - two
          + 2
            three
    ! Service cloud — others own fields that the garden newly asks for
        `spec.sessionAffinity` belongs to `helm`
        help say `field Service cloud \"spec.sessionAffinity\" take` in the app to take it, or `leave` to let it be

ingenium: 4 create
  pads
    + 4 objects: 2 ConfigMap, 2 Job

4 create, 2 change, 1 refused in 2 of 3 organisations; 1 unchanged.
";
    assert_eq!(text(&plan(), TextStyle::default()), expected);
}

#[test]
fn a_plan_that_is_heard_has_words_for_signs() {
    let mut plan = plan();
    let listed = change("spec.dnsNames", r#"["a.example"]"#, r#"["a.example", "b.example"]"#, 4);
    plan.organisations[0].actions[0].changes.push(listed);
    let heard = text(&plan, TextStyle { drawing: Drawing::Narrated, verbose: false, asked: true });
    for line in [
        "    change: Deployment cloud-web — the garden asks for it\n",
        "        spec.replicas: from 2 to 3, from orgs/alternatiba.kdl:17\n",
        "        spec.dnsNames, from orgs/alternatiba.kdl:4:\n          added: b.example\n",
        "          removed: two\n",
        "    refused: Service cloud — ",
        "    create: 4 objects: ",
    ] {
        assert!(heard.contains(line), "{line:?} is not in\n{heard}");
    }
    assert!(!heard.contains(['→', '~', '+', '!']), "{heard}");
}

#[test]
fn colours_change_nothing_but_colours() {
    let coloured = text(&plan(), TextStyle { drawing: Drawing::Coloured, verbose: false, asked: true });
    assert!(coloured.contains("\u{1b}["));
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), text(&plan(), TextStyle::default()));
}

#[test]
fn nothing_to_do_is_one_line() {
    let mut plan = plan();
    plan.organisations.retain(|organisation| organisation.organisation.as_str() == "cnam");
    assert_eq!(text(&plan, TextStyle::default()), "Nothing changes in 1 organisation.\n");
}

#[test]
fn no_markup_of_a_garden_survives_in_a_comment() {
    let mut plan = plan();
    let hostile = "@everyone | <script> [x](http://e) `rm` ~label !12 **b**\u{202e}";
    plan.organisations[0].actions[0].changes = vec![change("spec.title", "a", &format!("\"{hostile}\""), 3)];
    plan.organisations[0].actions[0]
        .refuse(Refusing::ServerRefused { status: 422, message: "denied by @admin, see #1 and `<b>`".to_owned() });
    let markdown = markdown(&plan, 60_000);
    assert!(markdown.contains(hostile.trim_end_matches('\u{202e}')) && !markdown.contains('\u{202e}'), "{markdown}");
    assert_inert(&markdown);
}

/// Holds that a comment has no link, image or HTML but the folding of its own, and no mention or reference outside of code.
fn assert_inert(markdown: &str) {
    use pulldown_cmark::{Event, Options, Parser, Tag};
    let mut code = 0_u32;
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_GFM) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => code += 1,
            Event::End(pulldown_cmark::TagEnd::CodeBlock) => code -= 1,
            Event::Start(Tag::Link { .. } | Tag::Image { .. }) => panic!("a link in\n{markdown}"),
            Event::Html(html) | Event::InlineHtml(html) => {
                let plain = ["<details", "</details>", "<summary", "<!--"];
                assert!(plain.iter().any(|tag| html.trim_start().starts_with(tag)), "{html} in\n{markdown}");
                assert!(!html.contains('@') && !html.contains("<script"), "{html}");
            }
            Event::Text(text) if code == 0 => {
                assert!(!text.contains(['@', '#', '!', '~', '|']) && !text.contains("://"), "{text} in\n{markdown}");
            }
            _ => {}
        }
    }
    assert_eq!(code, 0, "{markdown}");
}

#[test]
fn a_comment_stays_below_its_limit_and_says_what_it_left_out() {
    let mut plan = plan();
    let mut template = plan.organisations[0].clone();
    template.actions.retain(|action| action.verb() != Verb::Refused);
    plan.organisations = (0..100)
        .map(|at| OrganisationPlan { organisation: name(&format!("organisation-{at}")), ..template.clone() })
        .collect();
    // Equal changes are told once, so each is of its own kind.
    for (at, one) in plan.organisations.iter_mut().enumerate() {
        one.actions.iter_mut().for_each(|action| action.id.name = format!("{}-{at}", action.id.name).into());
    }
    let text = markdown(&plan, 9_000);
    assert!(text.len() <= 9_000, "{}", text.len());
    assert!(text.starts_with("**Plan: 100 organisations change"), "{text}");
    let (_, left_out) = text.split_once("Left out here for length: ").expect("the end says what is left out");
    let told = text.matches("<summary><b>").count();
    let each = plan.organisations[0].actions.iter().filter(|action| action.verb() != Verb::Keep).count();
    let expected = format!("{} objects of {} organisations", (100 - told) * each, 100 - told);
    assert!(told > 0 && left_out.contains(&expected), "{expected} in {left_out}");
    assert!(left_out.contains("`parcelle plan` tells all of it"), "{left_out}");
}

/// Organisations with a change each; every tenth deletes a volume and has a service refused, the last one retires an app.
fn large(count: usize) -> Plan {
    let mut plan = plan();
    let mut template = plan.organisations[0].clone();
    template.actions.retain(|action| action.verb() != Verb::Refused);
    let one = |at: usize| {
        let mut one = OrganisationPlan { organisation: name(&format!("organisation-{at:04}")), ..template.clone() };
        if at.is_multiple_of(10) {
            let why = crate::plan::Deleting::Retired { app: name("old"), since: 0 };
            one.actions.push(action(
                Deed::Delete { why, base: base(), reclaim: None },
                "PersistentVolumeClaim",
                "old-files",
                None,
            ));
            one.actions.push(action(Deed::refused(Refusing::NotOurs), "Service", "theirs", None));
        }
        one
    };
    plan.organisations = (0..count).map(one).collect();
    plan
}

#[test]
fn what_takes_something_away_is_never_left_out_of_a_comment() {
    let distinct = |mut plan: Plan| {
        for (at, one) in plan.organisations.iter_mut().enumerate() {
            one.actions.iter_mut().for_each(|action| action.id.name = format!("{}-{at}", action.id.name).into());
        }
        plan
    };
    let text = markdown(&distinct(large(201)), 12_000);
    assert!(text.len() <= 12_000, "{}", text.len());
    for at in (0..201).step_by(10) {
        let line = format!("- `organisation-{at:04}`: delete 1 PersistentVolumeClaim; refused 1 Service\n");
        assert!(text.contains(&line), "{line} in\n{text}");
    }
    // Where there is no room for names either, kinds and numbers are left.
    let text = markdown(&distinct(large(5_001)), 6_000);
    assert!(text.len() <= 6_000, "{}", text.len());
    let (_, rest) = text.split_once("**and in ").unwrap();
    let more: usize = rest.split_once(' ').unwrap().0.parse().unwrap();
    assert!(rest.contains(&format!("delete {more} PersistentVolumeClaim; refused {more} Service")), "{text}");
    assert!(
        text.starts_with("**Plan: 501 changes cannot be done as they are written; 5,001 organisations change.** ⚠"),
        "{text}"
    );
}

#[test]
fn json_says_verbs_reasons_and_places() {
    let plan = plan();
    let value: serde_json::Value = serde_json::from_str(&json::organisation(&plan.organisations[0])).unwrap();
    let action = &value["actions"][0];
    assert_eq!(action["verb"], "change");
    assert_eq!(action["reason"]["is"], "garden-changed");
    assert_eq!(action["words"], "the garden asks for it");
    assert_eq!(action["changes"][0]["origin"]["line"], 17);
    assert_eq!(value["counts"]["unchanged"], 1);
    let head: serde_json::Value =
        serde_json::from_str(&json::head(&plan.head, &Tally::of(&plan), &Impact::default())).unwrap();
    assert_eq!(head["changes"], true);
}

#[test]
fn secrets_are_neither_shown_nor_measured() {
    let mut plan = plan();
    plan.organisations[0].actions[0].changes = vec![change("data.password", "SECRET", "SECRET", 3)];
    let text = text(&plan, TextStyle { drawing: Drawing::Plain, verbose: true, asked: true });
    assert!(text.contains("data.password: (secret) → (secret)"), "{text}");
}

#[test]
fn outcomes_say_what_failed_and_count_what_is_on_its_way() {
    use crate::plan::{Done, Health, HealthState, OrganisationOutcome, Outcome, Skip};
    let outcome = |kind: &str, name: &str, done| {
        let action = action(Deed::Create(Creating::NotThere), kind, name, None);
        Outcome { verb: action.verb(), id: action.id, app: None, done, warnings: Vec::new() }
    };
    let coming = || Done::Applied {
        uid: "u".to_owned(),
        health: Some(Health {
            state: HealthState::Progressing,
            reason: String::new(),
            message: "it waits for a volume".to_owned(),
        }),
    };
    let place = Some(Place { file: "orgs/alternatiba.kdl".to_owned(), line: 17, column: 9 });
    let mut outcomes: Vec<_> = ["a", "b", "c", "d"].map(|name| outcome("PersistentVolumeClaim", name, coming())).into();
    outcomes.push(outcome("Service", "x", Done::Failed { why: "quota exceeded".to_owned(), place, passing: false }));
    let of = outcomes[4].id.clone();
    outcomes.push(outcome("Job", "y", Done::Skipped { why: Skip::AfterFailure { of } }));
    outcomes.push(outcome("Job", "z", Done::Unchanged));
    let organisation = OrganisationOutcome {
        organisation: name("alternatiba"),
        cluster: name("ada-lovelace"),
        outcomes,
        unchanged: 0,
        failure: None,
    };
    let expected = "\
alternatiba: 4 applied, 1 failed, 1 not tried, 1 unchanged; 4 on the way to ready
  ! Service x — failed: quota exceeded  orgs/alternatiba.kdl:17
  = Job y — held back since Service x was refused or failed
4 applied, 1 failed, 1 not tried, 1 unchanged in 1 organisation.
";
    assert_eq!(super::outcome(&[organisation], TextStyle::default()), expected);
}

#[test]
fn a_job_never_waits_for_itself_and_what_moves_on_both_sides_of_others_is_no_line() {
    use crate::plan::{Done, Health, HealthState, OrganisationOutcome, Outcome, Skip};
    let action = action(Deed::Create(Creating::NotThere), "Job", "x", None);
    let health = Health { state: HealthState::Progressing, reason: String::new(), message: "it runs".to_owned() };
    let done = Done::Skipped { why: Skip::WaitsFor { object: action.id.clone(), health } };
    let outcome = Outcome { verb: action.verb(), id: action.id, app: None, done, warnings: Vec::new() };
    let (organisation, cluster) = (name("alternatiba"), name("ada-lovelace"));
    let one = OrganisationOutcome { organisation, cluster, outcomes: vec![outcome], unchanged: 0, failure: None };
    let told = super::outcome(&[one], TextStyle::default());
    assert!(told.contains("= Job x — is not done yet: ") && !told.contains("waits for Job x"), "{told}");

    let mut plan = plan();
    let others = || Some(Shown::Others);
    let moves = FieldChange { before: others(), after: others(), ..change("spec.serviceAccount", "a", "b", 3) };
    plan.organisations[0].actions[0].changes.push(moves);
    let text = text(&plan, TextStyle { drawing: Drawing::Plain, verbose: true, asked: true });
    assert!(!text.contains("spec.serviceAccount"), "{text}");
}

#[test]
fn a_status_page_says_what_waits_and_what_is_kept() {
    let organisation = OrganisationStatus {
        organisation: "alternatiba".to_owned(),
        title: "Alternatiba".to_owned(),
        cluster: "ada-lovelace".to_owned(),
        commit: "c0ffee0123456789".to_owned(),
        apps: vec![AppStatus {
            name: "cloud".to_owned(),
            definition: "nextcloud".to_owned(),
            release: "33".to_owned(),
            at: Some("cloud.alternatiba.example".to_owned()),
            well: (11, 12),
            ..AppStatus::default()
        }],
        unwell: vec![(
            "Deployment cloud-web".to_owned(),
            crate::plan::Health {
                state: crate::plan::HealthState::Progressing,
                reason: String::new(),
                message: "0 of 1 pods are available".to_owned(),
            },
        )],
        detached: vec!["PersistentVolumeClaim cloud-html".to_owned()],
        ..OrganisationStatus::default()
    };
    let expected = "\
alternatiba, Alternatiba on ada-lovelace
  applied c0ffee012345
  cloud (nextcloud 33) at cloud.alternatiba.example: 11 of 12 objects well
  ~ Deployment cloud-web is progressing: 0 of 1 pods are available
  · PersistentVolumeClaim cloud-html is detached: it holds data that no app asks for
";
    assert_eq!(status(&organisation, TextStyle::default()), expected);
    assert!(!organisation.is_well());
}
