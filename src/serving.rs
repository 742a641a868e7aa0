//! What all that serves has in common: `agent`, `serve` and `demo` open the same door, put the same
//! parts behind it and end in the same way.

use crate::config::{ListenAddress, WebSettings};
use crate::web::{self, WebFiles};
use anyhow::Context;
use scrubjay_exporters::http::{self, Board, EndedUnasked, Feed, Gate, Looks, Setup, Site};
use scrubjay_exporters::site::Pages;
use std::future::{Future, pending};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};

/// Threads for what may block: two pages that ask the history, one look at the files of the web
/// configuration, one at what an agent left, and one password, each of which may hang or last; the rest
/// is for pages that ask no disk. What is more waits.
const BLOCKING_THREADS: usize = 8;

/// They stay: where none is left and the system gives no other, tokio panics, and where one is left it
/// waits for that. For ever would do as well.
const THREADS_STAY: Duration = Duration::from_secs(100 * 365 * 86_400);

/// What goes before the reason of a server that ends without being told to.
pub(crate) const ENDED_UNASKED: &str = "the server has ended";

/// Runs what serves, on this thread.
pub(crate) fn block_on<T>(serving: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_keep_alive(THREADS_STAY)
        .build()
        .context("cannot start the async runtime")?;
    let served = runtime.block_on(serving);
    // A file of the web configuration, or a history, on a disk that does not answer is not waited for.
    runtime.shutdown_background();
    served
}

/// Where clients come in, and who may: open, and nobody answers yet.
#[derive(Debug)]
pub(crate) struct Door {
    listeners: Vec<TcpListener>,
    files: Option<Arc<WebFiles>>,
    setup: Setup,
    telemetry_path: String,
}

/// What is shown behind it.
pub(crate) struct Shown {
    /// What is known.
    pub(crate) board: Arc<Board>,
    /// Whether it still holds, where that can be told.
    pub(crate) looks: Option<Arc<Looks>>,
    /// Where it comes from, where another process knows it.
    pub(crate) feed: Option<Arc<dyn Feed>>,
    /// What people look at; `None` where they look elsewhere.
    pub(crate) pages: Option<Pages>,
}

/// A server that answers.
#[derive(Debug)]
pub(crate) struct Server {
    stop: oneshot::Sender<()>,
    /// `None` once it is known how it ended.
    task: Option<Task>,
}

type Task = JoinHandle<Result<(), EndedUnasked>>;

impl Door {
    /// Opens it. An address that is taken and a file of no use are found here, before anything is made
    /// or read.
    pub(crate) async fn open(
        listen: &[ListenAddress],
        settings: &WebSettings,
    ) -> anyhow::Result<Self> {
        let listeners = web::listeners(listen).await?;
        let (files, setup) = match &settings.config_file {
            Some(path) => {
                let (files, setup) = WebFiles::read(path)?;
                (Some(files), setup)
            }
            None => (None, Setup::open()),
        };
        let telemetry_path = settings.telemetry_path.clone();
        Ok(Self { listeners, files, setup, telemetry_path })
    }

    /// The files of the web configuration, if one is named.
    pub(crate) fn files(&self) -> Option<Arc<WebFiles>> {
        self.files.clone()
    }

    /// Where those are that say who may come in; none where nothing is said.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.files.as_ref().map(|files| files.paths()).unwrap_or_default()
    }

    /// How it is reached.
    pub(crate) fn urls(&self) -> anyhow::Result<Vec<String>> {
        let urls = self.listeners.iter().map(|listener| {
            let address = listener.local_addr()?;
            Ok(web::url(address, &self.setup))
        });
        urls.collect()
    }

    /// Says where it is, and who may come in.
    pub(crate) fn announce(&self) -> anyhow::Result<()> {
        for url in self.urls()? {
            tracing::info!("serving {url}");
        }
        tracing::info!("the server is {}", web::in_words(&self.setup));
        Ok(())
    }

    /// Answers from now on. Call it when rights are given up: the first of the threads that block is
    /// made here, and stays.
    pub(crate) async fn serve(self, shown: Shown) -> anyhow::Result<Server> {
        // In a task of its own, as tokio panics where there is no thread to be had.
        tokio::spawn(async { spawn_blocking(|| ()).await })
            .await
            .and_then(|made| made)
            .context("failed to start a thread for what may block")?;
        let Self { listeners, files, setup, telemetry_path } = self;
        let Shown { board, looks, feed, pages } = shown;
        let gate = Arc::new(files.map_or_else(Gate::open, |files| files.gate(setup)));
        let site = Site { board, looks, feed, gate, telemetry_path, pages };
        let (stop, told) = oneshot::channel::<()>();
        let task = tokio::spawn(http::serve(listeners, site, async {
            let _ = told.await;
        }));
        Ok(Server { stop, task: Some(task) })
    }
}

impl Server {
    /// Returns, with the reason, only if it ends without being told to.
    pub(crate) async fn ends_unasked(&mut self) -> anyhow::Error {
        let Some(task) = &mut self.task else { return pending().await };
        let ended = task.await;
        self.task = None;
        match ended {
            Ok(Err(why)) => why.into(),
            Err(why) => why.into(),
            // It is told to by whoever has the other half of `stop`, which is here.
            Ok(Ok(())) => anyhow::anyhow!("it was told to (a defect of scrubjay, please report)"),
        }
    }

    /// Tells it to come to an end; what is being answered is finished, for a few seconds.
    pub(crate) fn stop(self) -> Stopping {
        // If it cannot be told it has ended.
        let _ = self.stop.send(());
        Stopping(self.task)
    }
}

/// A server that answers no new requests.
#[derive(Debug)]
pub(crate) struct Stopping(Option<Task>);

impl Stopping {
    /// Returns when it has ended.
    pub(crate) async fn ended(self) -> anyhow::Result<()> {
        match self.0 {
            Some(task) => Ok(task.await??),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_ends_unasked_is_told_once_and_is_not_waited_for() {
        block_on(async {
            let (stop, _told) = oneshot::channel();
            let task = tokio::spawn(async { panic!("as if there was no thread") });
            let mut server = Server { stop, task: Some(task) };
            let why = format!("{:#}", server.ends_unasked().await);
            assert!(why.contains("panic"), "{why}");
            server.stop().ended().await
        })
        .unwrap();
    }
}
