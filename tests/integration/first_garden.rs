//! The session of docs/first-garden.md, run again: every command in it, with the output that stands there.
//!
//! `PARCELLE_BLESS=1` writes what was said into the page.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use kube::api::PostParams;
use serde_json::{Value, json};

use crate::command::{Process, TestEnvironment};
use crate::sandbox::{api, client_of};

/// The uid of the cluster that the session applies to.
const UID: &str = "7b0c0f43-5ed5-4ae2-9d5c-9c1b7f1f2a10";

/// A session at a shell.
struct Shell {
    environment: TestEnvironment,
    cluster: Option<Process>,
}

impl Shell {
    fn new() -> Self {
        Self { environment: TestEnvironment::new(), cluster: None }
    }

    /// What a command says, as a terminal shows it.
    fn run(&mut self, command: &str) -> String {
        let words = words(command);
        match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            // The library that parcelle has anyway, so that no machine needs another.
            ["git", .., message] => {
                self.environment.commit(message);
                String::new()
            }
            ["parcelle", ref arguments @ ..] => {
                if arguments[0] == "doctor" && self.cluster.is_none() {
                    self.cluster = Some(self.start_cluster());
                }
                let said = self.environment.run(arguments);
                let home = self.environment.path("").display().to_string();
                said.text().replace(&home, "~/")
            }
            ["kubectl", "create", "namespace", name] => {
                self.create(
                    "namespaces",
                    "",
                    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
                );
                format!("namespace/{name} created\n")
            }
            ["kubectl", "create", "secret", "generic", "-n", namespace, name, ref keys @ ..] => {
                let data = keys.iter().map(|key| key.strip_prefix("--from-literal=").unwrap().split_once('=').unwrap());
                let data: BTreeMap<&str, &str> = data.collect();
                let secret =
                    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data});
                self.create("secrets", namespace, secret);
                format!("secret/{name} created\n")
            }
            ["cat", file] => self.environment.read(&format!("garden/{file}")),
            ["sed", "-i", expression, file] => {
                let [before, after] = expression.split('|').skip(1).take(2).collect::<Vec<_>>()[..] else { panic!() };
                let text = self.environment.read(&format!("garden/{file}"));
                assert!(text.contains(before), "{file} does not hold {before}");
                self.environment.garden([(file, text.replacen(before, after, 1))]);
                String::new()
            }
            _ => panic!("no command of the session: {command}"),
        }
    }

    /// As `kubectl create` does.
    fn create(&self, plural: &str, namespace: &str, object: Value) {
        let config: Value = serde_json::from_str(&self.environment.read("kubeconfig")).unwrap();
        let server = config["clusters"][0]["cluster"]["server"].as_str().unwrap();
        let client = || client_of(&format!("http://{}", server.rsplit('@').next().unwrap()), "admintoken");
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            api(&client(), "v1", object["kind"].as_str().unwrap(), plural, namespace)
                .create(&PostParams::default(), &serde_json::from_value(object.clone()).unwrap())
                .await
                .unwrap();
        });
    }

    /// A cluster of its own uid, behind the kubeconfig that the program finds by itself.
    fn start_cluster(&self) -> Process {
        let garden = self.environment.path("elsewhere");
        for file in ["garden.kdl", "clusters/first.kdl", "offers/basic.kdl"] {
            let text = self.environment.read(&format!("garden/{file}"));
            let uid = text.lines().find(|line| line.trim_start().starts_with("uid ")).map(str::to_owned);
            let text = uid.map_or(text.clone(), |uid| text.replace(&uid, &format!("    uid \"{UID}\"")));
            self.environment.write(&format!("elsewhere/{file}"), text);
        }
        self.environment.sandbox(&["--garden", &garden.display().to_string()])
    }
}

/// The words of a command line; quotes hold a word together.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in command.chars() {
        match letter {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            letter => words.last_mut().unwrap().push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The page with the output of each command as it is said now.
fn again(page: &str) -> String {
    let mut shell = Shell::new();
    let (mut text, mut in_console) = (String::new(), false);
    for line in page.lines() {
        match line.strip_prefix("$ ").filter(|_| in_console) {
            Some(command) => {
                let _ = writeln!(text, "{line}");
                let said = shell.run(command);
                text.push_str(&said);
                if !said.is_empty() && !said.ends_with('\n') {
                    text.push('\n');
                }
            }
            None if line.starts_with("```") => {
                in_console = line == "```console";
                let _ = writeln!(text, "{line}");
            }
            None if in_console => {}
            None => {
                let _ = writeln!(text, "{line}");
            }
        }
    }
    text
}

#[test]
fn the_session_of_a_first_garden_runs_as_its_page_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/first-garden.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let now = again(&page);
    if std::env::var_os("PARCELLE_BLESS").is_some() {
        std::fs::write(&path, &now).unwrap();
        return;
    }
    assert!(
        now == page,
        "docs/first-garden.md says what is said no more:\n{}",
        similar::TextDiff::from_lines(&page, &now).unified_diff()
    );
}

/// The code spans of a line, without those of a column that is not ours.
fn spans(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn what_the_page_for_people_who_know_yaml_writes_is_clean() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/kdl.md")).unwrap();
    assert!(page.lines().count() <= 45, "docs/kdl.md is longer than a page");
    let environment = TestEnvironment::new();
    let made = environment.run(["new", "garden", "g", "--backups", "https://s3.backups.example"]);
    assert_eq!(made.code, 0, "{}", made.text());
    let file = page.split("```kdl\n").nth(1).unwrap().split("```").next().unwrap();
    environment.garden([("organisations/alternatiba.kdl", file)]);
    let said = environment.run(["check"]);
    assert!(said.code == 0 && !said.text().contains("error"), "{}", said.text());
    // What stands in the table, each where it belongs.
    let rows: Vec<&str> = page.lines().filter_map(|line| line.split(" | ").nth(1)).collect();
    let written = |begins: &str| rows.iter().flat_map(|row| spans(row)).find(|one| one.starts_with(begins)).unwrap();
    let inside =
        ["nights", "backup", "modules", "/-storage", "//"].map(|begins| format!("        {}\n", written(begins)));
    let app = format!("    app nextcloud cloud {{\n        {}\n{}    }}\n", written("storage"), inside.concat());
    let body = format!("    {}\n    {}\n    cluster first\n{app}", written("title"), written("offer"));
    let text = format!("edition 2026\n\norganisation alternatiba {{\n{body}}}\n").replace("120 GiB", "60 GiB");
    environment.garden([("organisations/alternatiba.kdl", text)]);
    let said = environment.run(["check"]);
    assert!(said.code == 0 && !said.text().contains("error"), "{}", said.text());
}
