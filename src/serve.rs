//! `scrubjay serve`: pages, JSON and metrics of what the agent saw last, by a process that needs no
//! privilege and writes nothing.
//!
//! The page thread of an agent answers strangers in the process that may read every file of the host.
//! This one reads a file that the agent leaves ([`crate::shared`]) and the history, both only when
//! somebody asks, and nothing else.

use crate::config::Settings;
use crate::exit::Exit;
use crate::serving::{self, Door, ENDED_UNASKED, Shown};
use crate::shared::PassFeed;
use crate::signals::Signals;
use crate::{clock, privileges, sandbox, site_past};
use scrubjay_collector::HostRoot;
use scrubjay_exporters::http::Board;
use scrubjay_model::Landlock;
use std::path::Path;
use std::sync::Arc;

/// Serves until it is told to stop.
pub(crate) fn run(settings: &Settings) -> anyhow::Result<Exit> {
    serving::block_on(serve(settings))
}

async fn serve(settings: &Settings) -> anyhow::Result<Exit> {
    let door = Door::open(&settings.web.serve_listen, &settings.web).await?;
    let mut signals = Signals::watch()?;
    let own = HostRoot::open(Path::new("/"), clock::live())?;
    let board = Arc::new(Board::new(Arc::new(clock::boottime)));
    let feed = Arc::new(PassFeed::of(settings, &own, &board));
    // Root needs none of what root has to read two folders that belong to it.
    privileges::give_up_all();
    let landlock =
        sandbox::bind(settings, &sandbox::of_serve(settings, &door.paths(), feed.paths()));
    door.announce()?;
    match landlock {
        Landlock::Enforced { abi, .. } => tracing::info!("kept to these files by Landlock {abi}"),
        Landlock::Unavailable { why } => tracing::info!("not kept to these files: {why}"),
        Landlock::Off => tracing::info!("not kept to these files (agent.sandbox)"),
    }
    tracing::info!(
        "showing what an agent left, and its history in {}",
        settings.state_dir.display()
    );
    let pages = Some(site_past::pages(&settings.state_dir));
    let mut server = door.serve(Shown { board, looks: None, feed: Some(feed), pages }).await?;
    tokio::select! {
        signal = signals.next() => tracing::info!("stopping: {signal}"),
        why = server.ends_unasked() => return Err(why.context(ENDED_UNASKED)),
    }
    server.stop().ended().await?;
    Ok(Exit::Ok)
}
