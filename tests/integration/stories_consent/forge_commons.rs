//! A garden whose people review on a forge: the very loop of `parcelle run`, and a stand-in of the forge beside it.

use git2::Oid;
use parcelle::engine::ForgeAccess;

use super::{Commons, PEOPLE, garden, people};
use crate::command::{Output, TestEnvironment};
use crate::forge::{Kind, StandIn, TOKEN};
use crate::stories_loop::Told;

/// Two of three operators.
pub(super) const TWO: &str = "approvals 2 from=operators";

/// How the work of a request comes to the branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Merge,
    Squash,
    FastForward,
}

/// People who review on a forge. The one who opens its request, `ada` there, is `camille` in the garden.
pub(super) struct ForgeCommons {
    pub(super) commons: Commons,
    pub(super) forge: StandIn,
}

/// The tokens lie in a folder, as a mounted Secret has them.
fn reach(environment: &TestEnvironment) -> ForgeAccess {
    environment.write("credentials/forge", TOKEN);
    ForgeAccess { credentials: Some(environment.path("credentials")), certificates: None, patience: 1 }
}

impl ForgeCommons {
    pub(super) async fn begun(kind: Kind, rules: &str) -> Option<Self> {
        let forge = StandIn::start(kind);
        let word = format!("{kind:?}").to_lowercase();
        let line = |line: &str| {
            let name = line.split_whitespace().nth(1).unwrap();
            let login = if name == "camille" { "ada" } else { name };
            line.replace("{ key", &format!("{{ account {word} {login}; key")) + "\n"
        };
        let people: String = people(&PEOPLE).lines().map(line).collect();
        let source = format!("source forge {word} \"{}\" credentials=forge", forge.project());
        let own = garden(&people, &format!("{rules}; {source}"));
        let commons = Commons::begun_with(&own, Some(reach)).await?;
        assert!(forge.take_asked().is_empty(), "nothing was open");
        Some(Self { commons, forge })
    }

    /// Camille pushes to her request, which nobody merged yet.
    pub(super) fn pushes(&self, work: Oid) {
        self.forge.world().push("ada", &work.to_string());
        self.commons.branch("work", work);
    }

    /// The request is merged: its commits come to the branch in a way, or what they come to does. The loop looks.
    pub(super) async fn merged(&mut self, way: Way, work: &[Oid], edits: &[(&str, Option<String>)]) -> Told {
        let main = self.commons.main();
        let (line, tip): (Vec<Oid>, Oid) = match way {
            Way::Merge => {
                let merge = self.commons.merged(*work.last().unwrap(), edits);
                (vec![merge], merge)
            }
            Way::Squash => {
                let squash = self.commons.commit(&[main], "camille", edits);
                (vec![squash], squash)
            }
            Way::FastForward => (work.to_vec(), *work.last().unwrap()),
        };
        let line: Vec<String> = line.iter().map(Oid::to_string).collect();
        self.forge.world().merge(&line.iter().map(String::as_str).collect::<Vec<_>>());
        self.commons.pushed(tip).await
    }

    /// What a command says of the branch as it is, in somebody's clone, with the token or without.
    pub(super) fn command(&self, has_token: bool, arguments: &[&str]) -> Output {
        let clone = git2::Repository::open(self.commons.people.path("garden")).unwrap();
        let mut origin = clone.find_remote("origin").unwrap();
        origin.fetch(&["+refs/heads/*:refs/remotes/origin/*"], None, None).unwrap();
        let tip = clone.revparse_single("refs/remotes/origin/main").unwrap();
        clone.reset(&tip, git2::ResetType::Hard, None).unwrap();
        let kubeconfig = self.commons.this.folder.path().join("kubeconfig").display().to_string();
        let clusters = ["--kubeconfig", &kubeconfig, "--context", "ada-lovelace=ada"];
        let variables = [("PARCELLE_CREDENTIALS_FORGE", TOKEN)];
        let variables = if has_token { &variables[..] } else { &[] };
        let output = self.commons.people.run_with(variables, arguments.iter().copied().chain(clusters));
        assert!(!output.text().contains(TOKEN), "the token is in what is said: {}", output.text());
        output
    }

    pub(super) async fn ended(self) {
        self.commons.this.ended().await;
    }
}
