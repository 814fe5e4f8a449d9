//! `--quiet`: only the result, on every command; errors stay.

use crate::command::{Output, TestEnvironment};

const GARDEN: &str = "edition 2026\n\ngarden quiet {\n    title \"Quiet\"\n    \
                      ceiling { cpu 64 cores; memory 256 GiB; storage 8 TiB; }\n}\n\ncluster ada {\n    title \"Ada\"\n    \
                      uid \"0c0ffee0-0000-4000-8000-000000000000\"\n    timezone \"Europe/Paris\"\n    \
                      network { nodes \"203.0.113.0/26\"; api-server \"203.0.113.2\"; }\n    provides {\n        \
                      route gateway-api { gateway public; namespace gateways; certificates letsencrypt; }\n    }\n}\n\n\
                      offer small {\n    title \"Small\"\n}\n";

const ALPHA: &str = "edition 2026\n\norganisation alpha {\n    title Alpha\n    offer small\n    cluster ada\n    domain alpha.example\n    app \
                     static-site www\n}\n";

fn place() -> TestEnvironment {
    let place = TestEnvironment::new();
    place.garden([("garden.kdl", GARDEN), ("organisations/alpha.kdl", ALPHA)]);
    place.commit("a garden");
    place
}

fn run(place: &TestEnvironment, line: &str) -> Output {
    place.run(line.split_whitespace().chain(["--quiet"]))
}

#[test]
fn what_goes_well_says_its_result_alone() {
    let place = place();
    for (line, result) in [
        ("check", ""),
        ("fmt --check", ""),
        ("fmt", ""),
        ("fix", ""),
        ("doctor --sandbox", ""),
        ("run --once --sandbox", "applied in 1 organisation."),
        ("run --once --sandbox", "Nothing changes in 1 organisation."),
        ("run --once --sandbox --log-format json", ""),
        ("plan --sandbox", "Nothing changes in 1 organisation."),
        ("plan --base HEAD", "Nothing changes in 1 organisation."),
        ("apply --sandbox --yes", "Nothing changes in 1 organisation."),
        ("snapshot --sandbox --output live.json", "live.json"),
        ("plan --live live.json", "Nothing changes in 1 organisation."),
        ("check --live live.json", ""),
        ("status --sandbox", "All is well in 1 organisation."),
        ("pause --reason move --sandbox", "1 organisation paused"),
        ("resume --sandbox", "1 organisation resumed"),
        ("explain alpha/www.title", "alpha/www.title"),
        ("docs static-site", "# static-site"),
        ("render alpha/www", "kind: Deployment"),
        ("pin", "garden.kdl"),
        ("pin", ""),
        ("new org gamma --offer small --cluster ada", "organisations/gamma.kdl"),
        ("completions bash", "_parcelle"),
    ] {
        let said = run(&place, line);
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{line}: {}", said.text());
        let is_so = if result.is_empty() { said.stdout.is_empty() } else { said.stdout.contains(result) };
        assert!(is_so, "{line}: {}", said.text());
    }
}

#[test]
fn what_goes_wrong_says_so_all_the_same() {
    let place = place();
    for (garden, lines) in [
        // Nothing of the garden can be read.
        (
            "garden {",
            "check|fix|fmt|render|plan --sandbox|snapshot --sandbox|doctor --sandbox|pause --reason x --sandbox|resume \
             --sandbox|pin|explain alpha|status --sandbox",
        ),
        (
            GARDEN,
            "status|plan|doctor|snapshot|pause --reason x|run --once|recover inventory|plan --commit nope|explain nothing",
        ),
    ] {
        place.garden([("garden.kdl", garden)]);
        for line in lines.split('|') {
            let said = run(&place, line);
            assert_ne!(said.code, 0, "{line}: {}", said.text());
            let tells = ["E0006", "failed: ", "no garden to speak of", "stays as it is applied"];
            assert!(
                tells.iter().any(|words| said.text().contains(words)),
                "{line} ends with {} and says nothing: {}",
                said.code,
                said.text()
            );
        }
    }
}
