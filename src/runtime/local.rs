//! The event service inside this process, on a loopback port: the same server as any other, talked
//! to over the same road.

use crate::server;
use crate::service::workers::{WorkerOptions, Workers};
use crate::service::{KeySource, Options, Service};
use crate::store::Store;
use crate::store::log::{self, LogStore};
use crate::store::memory::MemoryStore;
use anyhow::{Context, Result};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The `--data` that keeps nothing.
pub const IN_MEMORY: &str = ":memory:";
/// The key of the secrets, beside the data.
const KEY_FILE: &str = "secrets.key";

/// Where the streams are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// Nowhere.
    Memory,
    /// In this folder, which is made if need be.
    Folder(PathBuf),
}

impl std::fmt::Display for Data {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Data::Memory => f.write_str(IN_MEMORY),
            Data::Folder(folder) => folder.display().fmt(f),
        }
    }
}

impl Data {
    /// Reads a `--data`.
    #[must_use]
    pub fn of(path: &Path) -> Data {
        match path == Path::new(IN_MEMORY) {
            true => Data::Memory,
            false => Data::Folder(path.to_owned()),
        }
    }

    /// Opens the store ([`log::OpenError`] is inside an error) and says where the key of its secrets is.
    ///
    /// # Errors
    /// It cannot be opened: another process has it, or the disk fails.
    pub fn open(&self, options: log::Options) -> Result<(Arc<dyn Store>, KeySource)> {
        Ok(match self {
            Data::Memory => {
                let store = MemoryStore::new().context("cannot make a store in memory")?;
                (Arc::new(store), KeySource::Memory)
            }
            Data::Folder(folder) => {
                let store = LogStore::open(folder, options)?;
                (Arc::new(store), KeySource::File(folder.join(KEY_FILE)))
            }
        })
    }
}

/// A running server; dropping it commits what it acknowledged and stops it.
pub struct Local {
    url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Local {
    /// Starts the server on a port, 0 for a free one; it answers when this returns.
    ///
    /// # Errors
    /// The data cannot be opened, or the port not be listened on.
    pub fn start(data: &Data, port: u16, options: Options) -> Result<Local> {
        let (store, secrets_key) = data.open(log::Options::default())?;
        let exe = match options.exe.as_os_str().is_empty() {
            true => std::env::current_exe().context("cannot find evtui's own binary")?,
            false => options.exe.clone(),
        };
        let options = Options {
            secrets_key,
            exe: exe.clone(),
            ..options
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("local")
            .enable_all()
            .build()
            .context("cannot start the server's threads")?;
        let (told, started) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = async move {
            let opened = async {
                let service = Service::open(store, options).context("cannot open the service")?;
                let workers = Workers::start(&service, WorkerOptions::new(exe)).await;
                let workers = workers.map_err(anyhow::Error::msg)?;
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
                let listener = listener.context("cannot listen on 127.0.0.1")?;
                let url = format!("http://{}", listener.local_addr()?);
                Ok::<_, anyhow::Error>((service, workers, listener, url))
            };
            let (service, workers, listener) = match opened.await {
                Ok((service, workers, listener, url)) => {
                    // Whoever started it waits for this.
                    let _ = told.send(Ok(url));
                    (service, workers, listener)
                }
                Err(error) => {
                    let _ = told.send(Err(error));
                    return;
                }
            };
            let options = server::Options::default();
            let stopped = async {
                // An order to stop, or nobody left to give one.
                let _ = stopped.await;
            };
            server::run(listener, Arc::clone(&service), options, stopped).await;
            workers.stop().await;
            service.shutdown().await;
        };
        let thread = std::thread::Builder::new()
            .name("server".to_owned())
            .spawn(move || runtime.block_on(serve))
            .context("cannot start the server's thread")?;
        let url = started.recv().context("the server's thread ended")??;
        Ok(Local {
            url,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // A server that ended by itself hears nothing.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // Its panic has been told by the hook.
            let _ = thread.join();
        }
    }
}
