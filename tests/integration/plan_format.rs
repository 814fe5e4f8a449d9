//! `docs/plan-format.md` names every field that plans print, and plans print what it shows.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::command::TestEnvironment;

const PAGE: &str = include_str!("../../docs/plan-format.md");

const GARDEN: &str = "edition 2026\n\ngarden fields {\n    title \"Fields\"\n    \
                      ceiling { cpu 64 cores; memory 256 GiB; storage 8 TiB; }\n}\n\ncluster ada {\n    title \"Ada\"\n    \
                      uid \"0c0ffee0-0000-4000-8000-000000000000\"\n    timezone \"Europe/Paris\"\n    \
                      network { nodes \"203.0.113.0/26\"; api-server \"203.0.113.2\"; }\n    provides {\n        \
                      volume storage-class { class fast; }\n        \
                      postgres cloudnative-pg { storage-class fast; }\n        \
                      route gateway-api { gateway public; namespace gateways; certificates letsencrypt; }\n    }\n}\n";

fn alpha(more: &str) -> String {
    format!(
        "edition 2026\n\norganisation alpha {{\n    title Alpha\n    cluster ada\n    domain alpha.example\n    app hedgedoc pads\n    \
         {more}\n}}\n"
    )
}

/// Each name in backticks on the page.
fn named() -> BTreeSet<&'static str> {
    PAGE.split('`').skip(1).step_by(2).flat_map(|text| text.split([' ', '"', ':', '{', '}', ','])).collect()
}

#[track_caller]
fn stands_on_the_page(value: &Value, what: &str) {
    let known = named();
    for name in value.as_object().unwrap_or_else(|| panic!("{what}: {value}")).keys() {
        assert!(known.contains(name.as_str()), "the page does not name `{name}` of {what}");
    }
}

#[test]
fn every_field_of_a_printed_plan_stands_on_its_page_and_the_other_way_round() {
    let place = TestEnvironment::new();
    place.garden([("garden.kdl", GARDEN.to_owned()), ("organisations/alpha.kdl", alpha(""))]);
    place.garden([("organisations/beta.kdl", alpha("").replace("alpha", "beta"))]);
    place.commit("before");
    assert_eq!(place.run(["run", "--once", "--sandbox"]).code, 0);
    let edited =
        alpha("app static-site www { nights asleep from=\"22:00\" to=\"07:00\"; }\n    retired app hedgedoc old");
    let edited = edited.replace("pads\n", "pads { size large; }\n");
    place.garden([("organisations/alpha.kdl", edited), ("organisations/beta.kdl", "organisation beta {".to_owned())]);
    let said = place.run(["plan", "--sandbox", "--format", "json"]);
    let printed: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}", said.text()));
    stands_on_the_page(&printed, "what is printed");
    let table = PAGE.split("| printed | what |").nth(1).unwrap().split("\n\n").next().unwrap();
    let rows = table.lines().skip(2).filter_map(|line| line.split('`').nth(1));
    for row in rows {
        assert!(printed.get(row).is_some(), "nothing prints `{row}`: {:?}", printed.as_object().map(|all| all.keys()));
    }
    stands_on_the_page(&printed["plan"], "a plan");
    assert_eq!(printed["plan"]["schema"], "parcelle.dev/plan/v5");
    printed["kept"].as_array().unwrap().iter().for_each(|kept| stands_on_the_page(kept, "what is kept"));
    assert_eq!(printed["kept"][0]["organisation"], "beta", "{}", printed["kept"]);
    let organisations = printed["plan"]["organisations"].as_array().unwrap();
    assert!(!organisations.is_empty(), "{}", said.text());
    for organisation in organisations {
        stands_on_the_page(organisation, "an organisation");
        for action in organisation["actions"].as_array().unwrap() {
            stands_on_the_page(action, "an action");
            let changes = action["changes"].as_array().into_iter().flatten();
            changes.for_each(|change| stands_on_the_page(change, "a change"));
        }
        let later = organisation["later"].as_array().into_iter().flatten();
        later.for_each(|later| stands_on_the_page(later, "what acts later"));
    }
}

#[test]
fn each_example_on_the_page_is_json_with_fields_that_are_printed() {
    let examples = PAGE.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let examples: Vec<Value> = examples.map(|text| serde_json::from_str(text).unwrap()).collect();
    assert!(!examples.is_empty());
    let place = TestEnvironment::new();
    place.garden([("garden.kdl", GARDEN.to_owned()), ("organisations/alpha.kdl", alpha(""))]);
    let said = place.run(["plan", "--sandbox", "--sandbox-state", "none", "--format", "json"]);
    let printed: Value = serde_json::from_str(&said.stdout).unwrap();
    for example in examples {
        for (name, value) in example.as_object().unwrap() {
            let real = printed.get(name).unwrap_or_else(|| panic!("nothing prints `{name}`"));
            assert_eq!(std::mem::discriminant(real), std::mem::discriminant(value), "{name}: {real}");
        }
    }
}
