//! Files at and over each limit: what one says too much ends in a finding of its own, and all others stay as they are.
//!
//! What is written here took minutes or gigabytes before there were limits. How long a check takes is measured by hand
//! (CONTRIBUTING.md); here it is held to its answer, to few findings and to few bytes of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use parcelle::check::{Memo, check_again};

use crate::command::TestEnvironment;
use crate::incremental::{located_objects, snapshot};

type Files = BTreeMap<String, String>;

/// The organisation that says too much.
const HOSTILE: &str = "organisations/hostile.kdl";

/// The most that is said about such a file, in bytes.
const MOST_SAID: usize = 300_000;

/// Some 250 KB: right below the longest file.
const LONG: usize = 250_000;

/// A file that says too much, and the code of what is found.
struct TooMuch {
    name: &'static str,
    files: Vec<(&'static str, String)>,
    code: &'static str,
}

fn filled(piece: &str) -> String {
    piece.repeat(LONG / piece.len())
}

fn each(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect::<Vec<_>>().join("\n")
}

fn words(count: usize) -> String {
    (0..count).map(|at| format!("w{at}")).collect::<Vec<_>>().join(" ")
}

/// A file of an organisation as it stands.
fn raw(name: &'static str, text: String, code: &'static str) -> TooMuch {
    TooMuch { name, files: vec![(HOSTILE, text)], code }
}

fn organisation(body: &str) -> String {
    format!(
        "edition 2026\n\norganisation hostile {{\n    title \"Hostile\"\n    offer sur-mesure\n    cluster ada-lovelace\n    \
         domain hostile.example\n{body}\n}}\n"
    )
}

/// An organisation with so many lines.
fn lines(name: &'static str, body: impl AsRef<str>, code: &'static str) -> TooMuch {
    raw(name, organisation(body.as_ref()), code)
}

/// An organisation with an app whose block has so many lines.
fn in_app(name: &'static str, body: impl AsRef<str>, code: &'static str) -> TooMuch {
    lines(name, format!("    app hedgedoc pads {{\n{}\n    }}", body.as_ref()), code)
}

/// An organisation with an app of a definition that is cheap with two words, and too much with those of the organisation.
fn defined(name: &'static str, count: usize, env: &str, parts: &str, code: &'static str) -> TooMuch {
    let organisation = organisation(&format!("    app costly one {{\n        words {}\n    }}", words(count)));
    TooMuch { name, files: vec![("definitions/costly.kdl", costly(env, parts)), (HOSTILE, organisation)], code }
}

/// The same with a hundred apps, each of which says little enough.
fn defined_of_many(name: &'static str, count: usize, parts: &str, code: &'static str) -> TooMuch {
    let organisation = organisation(&each(100, |at| format!("    app costly a{at} {{ words {}; }}", words(count))));
    TooMuch { name, files: vec![("definitions/costly.kdl", costly("", parts)), (HOSTILE, organisation)], code }
}

/// A definition that is cheap with two words.
fn costly(env: &str, parts: &str) -> String {
    format!(
        r#"edition 2026

definition costly {{
    about "What a few words make of much."
    settings {{ setting words list-of=word {{ about "The words."; default a b; }}; }}
    releases {{ channel stable 1; release 1 image="registry.example.org/costly:1.0"; }}
    needs {{ route web {{ host "${{settings.at}}"; to web; }} }}
    workload web {{
        image "${{release.image}}"
        run-as 1000
        port http 3000
        ready http path="/"
        env SIZE "${{size(settings.words)}}"
        {env}
    }}
    {parts}
    test smallest {{
        given {{ at costly.example.org; }}
        expect "objects.Deployment.web.spec.replicas == 1"
    }}
}}
"#
    )
}

/// Text that is no file of a garden, or hardly one.
fn texts() -> Vec<TooMuch> {
    vec![
        raw("parentheses", filled("("), "E0030"),
        raw("slashdashes", filled("/-"), "E0030"),
        raw("semicolons", filled(";"), "E0030"),
        raw("quotes that never close", filled("x \"\n"), "E0030"),
        raw("quotes on one line", filled("x \" "), "E0030"),
        raw("other quotation marks", filled("'a "), "E0030"),
        raw("old raw texts", filled("r\"\" "), "E0030"),
        raw("old raw texts that never close", filled("r#\"x "), "E0030"),
        raw("equals after an address", format!("x {}://{}", "a".repeat(LONG / 2), "=b".repeat(LONG / 4)), "E0030"),
        raw("blocks of one node", format!("x {}", filled("{} ")), "E0030"),
        raw("blocks on one line", filled("a{};"), "E0030"),
        raw("comments", filled("/**/"), "E0030"),
        raw("words", filled("a "), "E0030"),
        raw("nodes", filled("a\n"), "E0030"),
        raw("amounts in properties", format!("x {}", filled("a=1GiB ")), "E0030"),
        raw("commas", format!("x {}", filled("a, ")), "E0030"),
        raw("glued texts", format!("x {}", filled("a\"b\"")), "E0030"),
        raw("another language", format!("{{{}}}", filled("\"a\": 1,\n")), "E0030"),
        raw("line ends", filled("\n"), "E0110"),
        raw("one word", "a".repeat(LONG), "E0101"),
        raw("one byte more than a file has", " ".repeat((256 << 10) + 1), "E0001"),
    ]
}

/// As many hosts as an organisation has, each app asking for all those of the others.
fn shared_hosts() -> String {
    let hosts = each(19, |at| format!("h{at}.hostile.example")).replace('\n', " ");
    format!("    defaults {{ also-at {hosts}; }}\n{}", each(100, |at| format!("    app static-site a{at}")))
}

/// Too many of what an organisation may say.
fn organisations() -> Vec<TooMuch> {
    let patch = |inside: &str| format!("        patch Deployment pads-web {{ {inside} }}");
    vec![
        lines("apps", each(101, |at| format!("    app static-site a{at}")), "E0317"),
        lines("retired apps", each(2_000, |at| format!("    retired app nextcloud a{at}")), "E0317"),
        lines("nodes of an organisation", each(5_001, |at| format!("    contact a{at}@example.org")), "E0030"),
        lines("unknown words", each(4_000, |at| format!("    stat{at} x")), "E0030"),
        lines("foreign apps", each(4_000, |at| format!("    without a{at}")), "E0301"),
        lines("a long word", format!("    timezone \"{}\"", "a".repeat(LONG)), "E0204"),
        lines("a long reason", format!("    hold \"{}\"", "a".repeat(LONG)), "E0204"),
        raw(
            "amounts on one line",
            format!("x {}", "a=1GiB ".repeat(900)).replace(' ', "  ")
                + "; "
                + &("x ".to_owned() + &"a=1GiB ".repeat(900) + "; ").repeat(16),
            "E0014",
        ),
        in_app(
            "properties",
            format!("        storage {}", each(1_001, |at| format!("p{at}=1")).replace('\n', " ")),
            "E0030",
        ),
        in_app("a property again", format!("        storage {}", "p=1 ".repeat(1_001)), "E0030"),
        in_app("words of a list", format!("        also-at {}", words(1_001)), "E0030"),
        in_app(
            "hosts",
            format!("        also-at {}", each(999, |at| format!("h{at}.hostile.example")).replace('\n', " ")),
            "E0512",
        ),
        lines(
            "hosts of all apps",
            format!(
                "    defaults {{ also-at {}; }}\n{}",
                each(990, |at| format!("h{at}.hostile.example")).replace('\n', " "),
                each(100, |at| format!("    app static-site a{at}"))
            ),
            "E0317",
        ),
        lines(
            "hosts outside the domain",
            each(30, |app| {
                let hosts = each(500, |at| format!("h{app}-{at}.zz")).replace('\n', " ");
                format!("    app static-site a{app} {{ also-at {hosts}; }}")
            }),
            "E0317",
        ),
        lines("hosts of the apps of others", shared_hosts(), "E0401"),
        in_app("settings again", each(4_000, |_| "        storage 1 GiB".to_owned()), "E0102"),
        in_app("settings that are none", each(4_000, |at| format!("        stor{at} x")), "E0101"),
        in_app("objects to adopt", each(4_000, |at| format!("        adopt Secret a{at}")), "E0030"),
        in_app(
            "fields that are none",
            patch(&format!("spec {{\n{}\n}}", each(4_000, |at| format!("f{at} 1")))),
            "E0030",
        ),
        in_app(
            "containers",
            patch(&format!(
                "spec {{ template {{ spec {{ containers {{\n{}\n}}; }}; }}; }}",
                each(4_000, |at| format!("- c{at} image=x"))
            )),
            "E0030",
        ),
    ]
}

/// Definitions that are cheap in their tests.
fn definitions() -> Vec<TooMuch> {
    let all = "settings.words.all(a, settings.words.all(b, settings.words.all(c, c != 'z')))";
    let joined =
        "join(settings.words.map(a, join(settings.words.map(b, join(settings.words.map(c, c + c), '')), '')), '')";
    let twice = "settings.words.all(a, settings.words.all(b, a != 'z' || b != 'z'))";
    let rules = each(20, |at| format!("rule r{at} {{ check \"{twice}\"; message \"m\"; }}"));
    let workload = "workload w { image \"${release.image}\"; run-as 1000; port http 3000; }";
    vec![
        defined("a walk in a walk", 60, &format!("env A \"${{{all} ? 'a' : 'b'}}\""), "", "E0512"),
        defined("texts of texts", 200, &format!("env A \"${{{joined}}}\""), "", "E0512"),
        defined("a rule", 60, "", &format!("rule r {{ check \"{all}\"; message \"m\"; }}"), "E0512"),
        defined_of_many("rules of all apps", 60, &rules, "E0512"),
        defined("workloads", 900, "", &format!("@each a in=\"settings.words\" {{ {workload} }}"), "E0512"),
        defined(
            "workloads of loops",
            300,
            "",
            &format!("@each a in=\"settings.words\" {{ @each b in=\"settings.words\" {{ {workload} }}; }}"),
            "E0512",
        ),
        defined(
            "entries of an object",
            300,
            "",
            "object Deployment c { spec { template { spec { containers { - c { env { @each a in=\"settings.words\" { @each b in=\"settings.words\" { - \"A_${a}_${b}\" value=x; }; }; }; }; }; }; }; }; }",
            "E0512",
        ),
    ]
}

fn baseline() -> Files {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/baseline");
    let files = parcelle::git::read_files(&root, &root).unwrap();
    files.into_iter().map(|raw| (raw.path, String::from_utf8(raw.bytes.to_vec()).unwrap())).collect()
}

/// Whether a check of the built program ends with the code, and says little.
fn told(case: &TooMuch, files: &Files, wrong: &mut String) {
    let environment = TestEnvironment::new();
    environment.garden(files.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    for format in ["text", "json"] {
        let output = environment.run(["check", "--format", format]);
        let said = output.text();
        if output.code != 1 || !said.contains(case.code) || said.len() > MOST_SAID {
            let start: String = said.chars().take(600).collect();
            let _ = writeln!(wrong, "{} as {format}: code {}, {} bytes\n{start}", case.name, output.code, said.len());
        }
    }
}

#[test]
fn what_says_too_much_is_told_and_stops_itself_alone() {
    let before = baseline();
    let moment = "2026-11-20T12:00:00Z".parse().unwrap();
    let mut memo = Memo::default();
    let checked = check_again(&mut memo, snapshot(&before), None, moment);
    assert!(!checked.findings.has_errors());
    let others = located_objects(&checked);
    let mut wrong = String::new();
    for case in [texts(), organisations(), definitions()].into_iter().flatten() {
        let mut files = before.clone();
        files.extend(case.files.iter().map(|(path, text)| ((*path).to_owned(), text.clone())));
        told(&case, &files, &mut wrong);
        let checked = check_again(&mut memo, snapshot(&files), None, moment);
        if located_objects(&checked) != others {
            let _ = writeln!(wrong, "{}: the objects of others changed, or its own are there", case.name);
        }
        let broken = checked.garden.map(|garden| garden.broken).unwrap_or_default();
        if broken.iter().map(ToString::to_string).collect::<Vec<_>>() != ["hostile"] {
            let _ = writeln!(wrong, "{}: {broken:?} stopped", case.name);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_is_right_below_the_limits_is_rendered() {
    let mut files = baseline();
    let offer = "edition 2026\n\noffer sur-mesure {\n    title \"Large\"\n    grants { cpu 4000 cores; memory 4000 TiB; storage 4000 TiB; }\n}\n";
    files.insert("offers/sur-mesure.kdl".to_owned(), offer.to_owned());
    for body in [
        each(100, |at| format!("    app hedgedoc a{at}")),
        each(4_900, |at| format!("    contact a{at}@example.org")),
        format!(
            "    app hedgedoc pads {{ also-at {}; }}",
            each(200, |at| format!("h{at}.hostile.example")).replace('\n', " ")
        ),
    ] {
        files.insert(HOSTILE.to_owned(), organisation(&body));
        let checked =
            check_again(&mut Memo::default(), snapshot(&files), None, "2026-11-20T12:00:00Z".parse().unwrap());
        let titles: Vec<&str> = checked.findings.iter().map(|finding| finding.title.as_str()).collect();
        assert!(checked.objects.contains_key("hostile"), "{titles:?}");
    }
}

/// Twenty organisations that are called after a number.
fn twenty(text: &str) -> impl Iterator<Item = (String, String)> {
    let one = |at: usize| {
        let name = format!("hostile-{at:02}");
        (format!("organisations/{name}.kdl"), text.replace("hostile", &name))
    };
    (0..20).map(one)
}

#[test]
fn twenty_that_say_as_much_as_they_may_are_told_of_their_own_alone() {
    let mut files = baseline();
    let moment = "2026-11-20T12:00:00Z".parse().unwrap();
    let others = located_objects(&check_again(&mut Memo::default(), snapshot(&files), None, moment));
    let mut memo = Memo::default();
    let mut told = |files: &Files| {
        let checked = check_again(&mut memo, snapshot(files), None, moment);
        assert!(located_objects(&checked) == others, "the objects of others changed");
        let titles = checked.findings.iter().map(|finding| finding.title.len());
        (titles.clone().count(), titles.sum::<usize>(), checked.rendered)
    };
    let text = organisation(&shared_hosts());
    let mut hostile = twenty(&text);
    files.extend(hostile.next());
    let (count, length, _) = told(&files);
    assert_eq!(count, 99, "one for each app that asks for what the first one has");
    files.extend(hostile);
    let (all, all_length, _) = told(&files);
    assert_eq!((all, all_length), (20 * count, 20 * length));
    // What changes elsewhere is all that is rendered again.
    files.get_mut("organisations/art-bati.kdl").unwrap().push('\n');
    assert_eq!(told(&files), (all, all_length, 1));
}

#[test]
fn twenty_that_ask_for_all_hosts_of_another_one_take_none() {
    let mut files = baseline();
    let moment = "2026-11-20T12:00:00Z".parse().unwrap();
    let offer = "edition 2026\n\noffer sur-mesure {\n    title \"Large\"\n    grants { cpu 4000 cores; memory 4000 TiB; storage 4000 TiB; }\n}\n";
    files.insert("offers/sur-mesure.kdl".to_owned(), offer.to_owned());
    let site = |at: usize| {
        let hosts = each(9, |host| format!("h{at}-{host}.victim.example")).replace('\n', " ");
        format!("    app static-site a{at} {{ at a{at}.victim.example; also-at {hosts}; }}")
    };
    let apps = each(40, site);
    files.insert("organisations/victim.kdl".to_owned(), organisation(&apps).replace("hostile", "victim"));
    let before = check_again(&mut Memo::default(), snapshot(&files), None, moment);
    assert!(!before.findings.has_errors(), "{:?}", before.findings.iter().next());
    let live = parcelle::check::past_of(&before);
    files.extend(twenty(&organisation(&apps)));
    let checked = check_again(&mut Memo::default(), snapshot(&files), Some(&live), moment);
    assert!(located_objects(&checked) == located_objects(&before), "the objects of others changed");
    let codes: Vec<&str> = checked.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(codes, ["E0401"; 800], "one for each two apps");
}
