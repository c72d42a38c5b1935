//! `evtui serve`: the whole event service in one process, until a signal stops it.

use super::Outcome;
use super::failure::Failure;
use super::service::{data, unopened};
use crate::config;
use crate::config::units;
use crate::processor::worker::Limits;
use crate::processor::worker::egress::Egress;
use crate::server::{self, Token};
use crate::service::workers::{WorkerOptions, Workers};
use crate::service::{BreakerPolicy, KeySource, Options, Service};
use crate::store::Store;
use crate::store::log::Durability;
use anyhow::{Context, Result};
use clap::{Args, ValueEnum, ValueHint};
use std::io::{IsTerminal, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// What is still running when all is done is left behind after so long.
const LAST_WAIT: Duration = Duration::from_millis(500);
/// After the signal an orderly end may take so long; then the process ends as it is. Everything that
/// was acknowledged is stored either way.
const ENDING: Duration = Duration::from_millis(4200);

/// `evtui serve`
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Prints one line, `listening on http://HOST:PORT`, when it is ready; logs go to standard error
(RUST_LOG=debug says more). SIGINT and SIGTERM stop it.

Examples:
  evtui serve
  evtui serve --port 0 --data :memory:
  evtui serve --host 0.0.0.0 --token \"$TOKEN\"")]
pub struct ServeArgs {
    /// Port to listen on; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 7070)]
    pub port: u16,

    /// Address to listen on
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    pub host: String,

    /// Folder of the data, or :memory: to keep nothing [default: evtui/store in the user's data folder]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub data: Option<PathBuf>,

    /// Pause a stream when so many events come within so many milliseconds, or off
    #[arg(long, value_name = "EVENTS/MS", default_value = "100/1000")]
    pub breaker: BreakerPolicy,

    /// Largest request body
    #[arg(long, value_name = "SIZE", default_value = "8MiB", value_parser = units::bytes)]
    pub max_body: u64,

    /// When an append is answered: after the disk has it, or after the system has it
    #[arg(long, value_enum, default_value_t)]
    pub durability: When,

    /// Ask for `Authorization: Bearer TOKEN` on every route but /healthz
    #[arg(long, value_name = "TOKEN", env = config::TOKEN_VARIABLE, hide_env_values = true)]
    pub token: Option<Token>,

    /// End a worker's hook that takes longer
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = units::duration)]
    pub hook_timeout: Duration,

    /// Most memory for one worker's process
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = units::bytes)]
    pub worker_memory: u64,

    /// Where workers may fetch from: all, none or HOST,HOST:PORT,*.HOST [default: all but link-local
    /// and cloud metadata addresses]
    #[arg(
        long,
        value_name = "all|none|HOST,…",
        default_value = "default",
        hide_default_value = true
    )]
    pub egress: Egress,

    /// Form of the logs on standard error
    #[arg(long, value_enum, default_value_t)]
    pub log_format: LogFormat,
}

/// When an append counts as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// The disk has it: survives a loss of power
    #[default]
    Fsync,
    /// The operating system has it: survives the end of the process
    Os,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// The data cannot be opened, or the address not be listened on.
pub fn run(args: &ServeArgs) -> Result<Outcome> {
    log(args.log_format);
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let served = runtime.block_on(serve(args));
    runtime.shutdown_timeout(LAST_WAIT);
    served.map(|()| Outcome::Yes)
}

async fn serve(args: &ServeArgs) -> Result<()> {
    // From here on signals are ours: one that comes early stops us as soon as all is open.
    let stop = signals()?;
    let (store, secrets_key, place) = open(args)?;
    let exe = std::env::current_exe().context("cannot find this program's own file")?;
    let options = Options {
        breaker: args.breaker,
        secrets_key,
        egress: args.egress.clone(),
        exe: exe.clone(),
        ..Options::default()
    };
    let service = Service::open(store, options).context("cannot open the service")?;
    let workers = Workers::start(&service, workers(args, exe))
        .await
        .map_err(|why| Failure::new(format!("cannot start the workers: {why}")))?;
    let listener = TcpListener::bind((args.host.as_str(), args.port))
        .await
        .map_err(|why| {
            Failure::new(format!(
                "cannot listen on {}:{}: {why}",
                args.host, args.port
            ))
            .hint("another --port, or --port 0 for a free one")
        })?;
    let address = listener.local_addr().context("cannot tell the address")?;
    warn_if_open(address.ip(), args.token.is_some());
    tracing::info!(%address, data = place, "serving");
    announce(&format!("listening on http://{address}"))?;

    let options = server::Options {
        max_body: args.max_body,
        token: args.token.clone(),
        ..server::Options::default()
    };
    let stopping = CancellationToken::new();
    let orderly = async {
        let stop = async {
            stop.await;
            stopping.cancel();
        };
        let workers_stop = async {
            stopping.cancelled().await;
            workers.stop().await;
        };
        // A hook that runs is not waited for while connections get their time to end.
        let served = server::run(listener, Arc::clone(&service), options, stop);
        tokio::join!(served, workers_stop);
        service.shutdown().await;
    };
    tokio::select! {
        () = orderly => tracing::info!("stopped"),
        () = overdue(&stopping) => {
            tracing::error!("stopped before all was over: the disk or the system does not answer");
            // Ending in order would wait for the same thing.
            std::process::exit(0);
        }
    }
    Ok(())
}

/// Ready when an orderly end has taken too long.
async fn overdue(stopping: &CancellationToken) {
    stopping.cancelled().await;
    tokio::time::sleep(ENDING).await;
}

fn workers(args: &ServeArgs, exe: PathBuf) -> WorkerOptions {
    let usual = WorkerOptions::new(exe);
    WorkerOptions {
        limits: Limits {
            hook_timeout: args.hook_timeout,
            memory: args.worker_memory,
            ..usual.limits
        },
        egress: args.egress.clone(),
        ..usual
    }
}

/// The one line on standard output. Whoever started the server may not read it.
fn announce(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}

fn open(args: &ServeArgs) -> Result<(Arc<dyn Store>, KeySource, String)> {
    let data = data(args.data.as_deref())?;
    let options = crate::store::log::Options {
        durability: match args.durability {
            When::Fsync => Durability::Fsync,
            When::Os => Durability::Os,
        },
        ..crate::store::log::Options::default()
    };
    let (store, key) = data.open(options).map_err(|error| unopened(&error))?;
    Ok((store, key, data.to_string()))
}

fn warn_if_open(address: IpAddr, has_token: bool) {
    if !has_token && !address.to_canonical().is_loopback() {
        tracing::warn!(
            "anyone who can reach {address} can read and write everything: there is no authentication; \
             set --token"
        );
    }
}

/// Ready at the first signal; the second ends the process at once.
#[cfg(unix)]
fn signals() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
            _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            std::process::exit(super::failure::INTERRUPTED.into());
        });
    })
}

/// Ready at Ctrl-C.
#[cfg(not(unix))]
fn signals() -> Result<impl Future<Output = ()>> {
    Ok(async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "cannot listen for Ctrl-C");
            std::future::pending::<()>().await;
        }
    })
}

fn log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // Fails only where a test has set another one.
    let _ = match format {
        LogFormat::Json => logs.json().try_init(),
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal()
                && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            logs.with_ansi(colours).try_init()
        }
    };
}

/// Every reader is a socket: as many as the system lets us have.
#[cfg(unix)]
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "cannot raise the limit on open files");
    }
}

#[cfg(not(unix))]
fn raise_file_limit() {}
