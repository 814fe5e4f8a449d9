//! Progress of long work: a bar on standard error, where that is a terminal.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::Output;
use crate::cluster::Progress;

/// A bar that follows a run; it is gone when this is finished.
pub(crate) struct Bar {
    sender: UnboundedSender<Progress>,
    task: JoinHandle<()>,
    drawn: ProgressBar,
}

impl Bar {
    /// Starts one, or nothing where nobody would see it.
    pub(crate) fn start(output: &Output) -> Option<Self> {
        if output.quiet() || output.log().is_some() || output.is_narrated() || !std::io::stderr().is_terminal() {
            return None;
        }
        let (sender, mut receiver) = unbounded_channel();
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(8));
        let style = ProgressStyle::with_template("{bar:24} {pos}/{len} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let drawn = bar.clone();
        let task = tokio::spawn(async move {
            while let Some(progress) = receiver.recv().await {
                show(&bar, progress);
            }
        });
        Some(Self { sender, task, drawn })
    }

    /// Where a run tells what goes on.
    pub(crate) fn sender(&self) -> UnboundedSender<Progress> {
        self.sender.clone()
    }

    /// Takes the bar away, where there is one.
    pub(crate) async fn finish(bar: Option<Self>) {
        let Some(Self { sender: _, task, drawn }) = bar else { return };
        task.abort();
        // The bar is decoration, and others may still hold its sender: whatever they say is not drawn any more.
        let _aborted = task.await;
        drawn.finish_and_clear();
    }
}

fn show(bar: &ProgressBar, progress: Progress) {
    match progress {
        Progress::Reading { cluster, organisations } => {
            bar.set_message(format!("reading {cluster} for {organisations} organisations"));
        }
        Progress::Planned { organisation, .. } => bar.set_message(format!("{organisation}: planned")),
        Progress::Step { organisation, actions, .. } => {
            bar.inc_length(actions as u64);
            bar.set_message(organisation.to_string());
        }
        Progress::Acted { organisation, outcome } => {
            bar.inc(1);
            bar.set_message(format!("{organisation}: {} {}", outcome.id.kind, outcome.id.name));
        }
        Progress::Waiting { organisation, object, health } => {
            bar.set_message(format!(
                "{organisation}: waiting for {} {} ({})",
                object.kind, object.name, health.message
            ));
        }
        Progress::Finished { organisation, .. } => bar.set_message(format!("{organisation}: done")),
    }
}
