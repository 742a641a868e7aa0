//! What all that serves has in common: `agent`, `serve` and `demo` open the same door, put the same
//! parts behind it and end in the same way.

use crate::config::{ListenAddress, WebSettings};
use crate::web::{self, WebFiles};
use anyhow::Context;
use scrubjay_exporters::http::{self, Board, Feed, Gate, Looks, Setup, Site};
use scrubjay_exporters::site::Pages;
use std::future::Future;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Runs what serves, on this thread.
pub(crate) fn block_on<T>(serving: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
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
    task: JoinHandle<()>,
}

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

    /// Answers from now on.
    pub(crate) fn serve(self, shown: Shown) -> Server {
        let Self { listeners, files, setup, telemetry_path } = self;
        let Shown { board, looks, feed, pages } = shown;
        let gate = Arc::new(files.map_or_else(Gate::open, |files| files.gate(setup)));
        let site = Site { board, looks, feed, gate, telemetry_path, pages };
        let (stop, told) = oneshot::channel::<()>();
        let task = tokio::spawn(http::serve(listeners, site, async {
            let _ = told.await;
        }));
        Server { stop, task }
    }
}

impl Server {
    /// Tells it to come to an end; what is being answered is finished, for a few seconds.
    pub(crate) fn stop(self) -> Stopping {
        // If it cannot be told it has ended.
        let _ = self.stop.send(());
        Stopping(self.task)
    }
}

/// A server that answers no new requests.
#[derive(Debug)]
pub(crate) struct Stopping(JoinHandle<()>);

impl Stopping {
    /// Returns when it has ended.
    pub(crate) async fn ended(self) -> anyhow::Result<()> {
        Ok(self.0.await?)
    }
}
