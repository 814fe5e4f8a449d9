//! Causes of plans against clusters: the lines since what was applied, what somebody changed, what another parcelle renders.

use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::{causes, counted, holds, objects};
use crate::command::Output;
use crate::ground::{Ground, organisation};
use crate::stories_moments::PAGE;
use crate::story::real;

fn run(ground: &Ground, arguments: &[&str]) -> Output {
    tokio::task::block_in_place(|| ground.environment.run(arguments))
}

/// A text of the organisation `alpha` with these apps.
fn alpha(apps: &str) -> String {
    organisation("alpha", "Alpha", apps)
}

async fn ground(apps: &str) -> Ground {
    let beta = organisation("beta", "Beta", "app page www");
    Ground::new(&[("page.kdl", PAGE), ("organisations/alpha.kdl", &alpha(apps)), ("organisations/beta.kdl", &beta)])
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_and_rounds_tell_the_lines_since_what_is_applied() {
    if real().is_some() {
        return;
    }
    let ground = ground("app hedgedoc pads").await;
    // Nothing is applied yet: what was edited is not known, and the organisations are new.
    let first = run(&ground, &["plan", "--commit", "HEAD"]).stdout;
    holds(&causes(&first), &["What was written:", "organisations/alpha.kdl:3 organisation: alpha (new)"]);
    assert_eq!(objects(&first), counted(&first), "{first}");
    let applied = run(&ground, &["apply", "--yes", "--no-wait"]).stdout;
    holds(&causes(&applied), &["organisations/beta.kdl:3 organisation: beta (new)"]);
    assert_eq!(causes(&run(&ground, &["plan", "--commit", "HEAD"]).stdout), [""; 0]);

    ground.commit("organisations/alpha.kdl", &alpha("app hedgedoc pads { storage 3 GiB; }"), "more room");
    let told = ["What was written:", "organisations/alpha.kdl:8 storage: 3 GiB (new)"];
    let plan = run(&ground, &["plan", "--commit", "HEAD"]).stdout;
    holds(&causes(&plan), &told);
    assert!(causes(&plan)[2].starts_with("room for people's files in pads grows: "), "{plan}");
    // Two commits later it is still told, and what was taken back is not.
    ground.commit(
        "organisations/alpha.kdl",
        &alpha("app hedgedoc pads { storage 3 GiB; anonymous none; }"),
        "nobody reads",
    );
    ground.commit("organisations/alpha.kdl", &alpha("app hedgedoc pads { storage 3 GiB; }"), "everybody does");
    holds(&causes(&run(&ground, &["plan", "--commit", "HEAD"]).stdout), &told);
    let file = ground.environment.path("live.json").display().to_string();
    assert_eq!(run(&ground, &["snapshot", "--output", &file]).code, 0);
    holds(&causes(&run(&ground, &["plan", "--live", &file]).stdout), &told);
    let round = run(&ground, &["run", "--once", "--no-wait"]).stdout;
    holds(&causes(&round), &told);
    assert_eq!(objects(&round), 1, "{round}");
    ground.handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_line_has_a_group_of_its_own() {
    if real().is_some() {
        return;
    }
    let ground = ground("app page www").await;
    assert_eq!(run(&ground, &["apply", "--yes", "--no-wait"]).code, 0);
    let deployments = ground.api("apps/v1", "Deployment", "alpha");
    let drift = Patch::Merge(json!({"spec": {"replicas": 7}}));
    deployments.patch("www-web", &PatchParams::default(), &drift).await.unwrap();
    let text = run(&ground, &["plan", "--commit", "HEAD"]).stdout;
    let told =
        ["Without a line:", "somebody changed it in the cluster: 1 copy of www runs instead of 7: 1 object of alpha"];
    assert_eq!(causes(&text), told, "{text}");

    // Another parcelle brought both about: an edited line is told as such all the same.
    let maps = ground.api("v1", "ConfigMap", "parcelle-system");
    let all = maps.list(&kube::api::ListParams::default()).await.unwrap();
    let ours = all.items.iter().filter(|map| map.data["data"]["inventory.json"].is_string());
    for map in ours {
        let text = map.data["data"]["inventory.json"].as_str().unwrap();
        let mut inventory: serde_json::Value = serde_json::from_str(text).unwrap();
        inventory["rendererHash"] = json!("0000");
        let patch = Patch::Merge(json!({"data": {"inventory.json": inventory.to_string()}}));
        maps.patch(map.metadata.name.as_ref().unwrap(), &PatchParams::default(), &patch).await.unwrap();
    }
    ground.commit("organisations/alpha.kdl", &alpha("app page www { scale min=2 max=2; }"), "two copies");
    let text = run(&ground, &["plan", "--commit", "HEAD"]).stdout;
    assert!(causes(&text)[1].starts_with("organisations/alpha.kdl:8 scale"), "{text}");
    assert_eq!(objects(&text), counted(&text), "{text}");
    ground.handle.shutdown().await;
}
