//! `docs/plan.schema.json` describes what plans and reviews really hold, and refuses what is none.

use serde_json::{Value, json};

use crate::command::TestEnvironment;

const SCHEMA: &str = include_str!("../../docs/plan.schema.json");

const GARDEN: &str = "edition 2026\n\ngarden fields {\n    title \"Fields\"\n    \
                      ceiling { cpu 64 cores; memory 256 GiB; storage 8 TiB; }\n}\n\ncluster ada {\n    title \"Ada\"\n    \
                      uid \"0c0ffee0-0000-4000-8000-000000000000\"\n    timezone \"Europe/Paris\"\n    \
                      network { nodes \"203.0.113.0/26\"; api-server \"203.0.113.2\"; }\n    provides {\n        \
                      volume storage-class { class fast; }\n        \
                      postgres cloudnative-pg { storage-class fast; }\n        \
                      route gateway-api { gateway public; namespace gateways; certificates letsencrypt; }\n    }\n}\n";

fn organisation(name: &str, more: &str) -> String {
    format!(
        "edition 2026\n\norganisation {name} {{\n    title \"{name}\"\n    cluster ada\n    domain {name}.example\n    {more}\n}}\n"
    )
}

/// Asserts that a value is one of a definition of the schema, or says what is wrong with it.
fn check(definition: &str, value: &Value) -> Result<(), String> {
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("file:///plan.schema.json", serde_json::from_str(SCHEMA).unwrap()).unwrap();
    let place = format!("file:///plan.schema.json#/$defs/{definition}");
    let schema = compiler.compile(&place, &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
    schemas.validate(value, schema).map_err(|error| format!("{error:#}"))
}

#[track_caller]
fn is_one(definition: &str, text: &str) -> Value {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    check(definition, &value).unwrap_or_else(|error| panic!("{error}\n{text}"));
    value
}

#[test]
fn printed_saved_and_reviewed_plans_are_of_the_schema() {
    let place = TestEnvironment::new();
    place.garden([
        ("garden.kdl", GARDEN.to_owned()),
        ("organisations/alpha.kdl", organisation("alpha", "app hedgedoc pads; app hedgedoc old; app static-site www")),
        ("organisations/beta.kdl", organisation("beta", "app hedgedoc pads { storage 6 GiB; }")),
    ]);
    place.commit("before");
    let fresh = place.run(["plan", "--sandbox", "--format", "json"]);
    is_one("printed", &fresh.stdout);
    assert_eq!(place.run(["run", "--once", "--sandbox"]).code, 0);
    place.run(["plan", "--sandbox", "--save", "nothing.json"]);
    let edited = "app hedgedoc pads { size large; nights asleep from=\"22:00\" to=\"07:00\"; }\n    retired app hedgedoc old\n    app static-site www";
    place.garden([
        ("organisations/alpha.kdl", organisation("alpha", edited)),
        ("organisations/beta.kdl", organisation("beta", "app hedgedoc pads { storage 7 GiB; }")),
        ("organisations/gamma.kdl", organisation("gamma", "app hedgedoc pads { storage 5,5 GiB; }")),
    ]);
    place.commit("after");
    let live = is_one("printed", &place.run(["plan", "--sandbox", "--format", "json"]).stdout);
    assert!(live["plan"]["impact"]["edits"].as_array().is_some_and(|edits| !edits.is_empty()), "{live}");
    let against = is_one("printed", &place.run(["plan", "--base", "HEAD~1", "--format", "json"]).stdout);
    assert!(against["plan"]["impact"]["data"].is_array(), "{against}");
    let saved = place.run(["plan", "--sandbox", "--save", "plan.json"]);
    is_one("plan", &place.read("garden/plan.json"));
    assert!(saved.code < 2, "{}", saved.text());
    let said = place.run(["review", "--base", "HEAD~1", "--save", "review.json", "--details", "plan.txt"]);
    assert_eq!(said.code, 1, "a finding: {}", said.text());
    let review = is_one("review", &place.read("garden/review.json"));
    assert_eq!(review["findings"][0]["place"]["file"], "organisations/gamma.kdl");
    assert_eq!(review["details"], "plan.txt");
    assert!(place.read("garden/plan.txt").contains("size"), "{}", place.read("garden/plan.txt"));
}

#[test]
fn a_review_that_is_none_is_refused_by_the_schema_and_by_the_second_stage() {
    let place = TestEnvironment::new();
    place.garden([("garden.kdl", GARDEN.to_owned()), ("organisations/alpha.kdl", organisation("alpha", ""))]);
    place.commit("before");
    place.garden([("organisations/alpha.kdl", organisation("alpha", "app static-site www"))]);
    place.commit("after");
    place.run(["review", "--base", "HEAD~1", "--save", "review.json"]);
    let good = is_one("review", &place.read("garden/review.json"));
    let posts = |review: &Value| {
        place.write("garden/hostile.json", review.to_string());
        place.run(["review", "--from", "hostile.json", "--dry-run", "--forge", "gitea"])
    };
    assert_eq!(posts(&good).code, 0, "{}", posts(&good).text());
    let with = |pointer: &str, value: Value| {
        let mut review = good.clone();
        let (above, last) = pointer.rsplit_once('/').unwrap();
        review.pointer_mut(above).unwrap()[last] = value;
        review
    };
    let hostile = [
        with("/schema", json!("parcelle.dev/review/v9")),
        with("/head", json!("--help")),
        with("/head", json!("0123456789")),
        with("/garden", json!("x --> <script>")),
        with("/garden", json!(["a"])),
        with("/made", json!("now")),
        with("/request", json!(7)),
        with("/repository", json!("somebody/else")),
        with("/plan/counts", json!({"destroy": 1})),
        with("/plan/details/0/organisations", json!(["../../etc"])),
        with("/plan/leftOut", json!(-1)),
        with("/against", json!({"is": "clouds"})),
        json!([]),
        json!(null),
    ];
    for review in hostile {
        assert!(check("review", &review).is_err(), "{review}");
        let said = posts(&review);
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{review}: {}", said.text());
        assert!(said.stderr.contains("hostile.json` is not used: "), "{}", said.text());
        assert!(!said.text().contains("<script>") && !said.text().contains("--help"), "{}", said.text());
    }
    // What a schema cannot say: length, and where a path leads.
    let long = with("/kept", json!(["x".repeat(30_000)]));
    let outside = with(
        "/findings",
        json!([{"code": "E0001", "severity": "error", "title": "x", "endLine": 1, "fingerprint": "x",
            "place": {"file": "../../.ssh/config", "line": 1, "column": 1}}]),
    );
    for (review, why) in [(long, "a text in it is longer than"), (outside, "a file outside of the repository")] {
        let said = posts(&review);
        assert!(said.code == 2 && said.stderr.contains(why), "{}", said.text());
    }
    place.write(
        "garden/hostile.json",
        format!("{{\"schema\":\"parcelle.dev/review/v1\",\"x\":\"{}\"}}", "y".repeat(9 << 20)),
    );
    let said = place.run(["review", "--from", "hostile.json", "--dry-run", "--forge", "gitea"]);
    assert!(said.code == 2 && said.stderr.contains("larger than 8 MiB"), "{}", said.text());
}
