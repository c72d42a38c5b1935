//! A model to try the agents with when no other is at hand: it speaks streaming chat completions, says
//! always the same to the same messages, and can rename a word in code.
//! `cargo run --example model -- [PORT] [MILLISECONDS A WORD]`

#[path = "../tests/support/model.rs"]
mod model;

use anyhow::{Context, Result};
use std::time::Duration;
use tokio::net::TcpListener;

/// Where the README's commands look for it.
const PORT: u16 = 7071;
/// About what a hosted model takes over a word.
const DELAY: u64 = 30;

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let mut number = |name: &str, usual: u64| match args.next() {
        Some(text) => text
            .parse()
            .with_context(|| format!("{name} must be a number, not {text}")),
        None => Ok(usual),
    };
    let port = u16::try_from(number("PORT", PORT.into())?).context("PORT is at most 65535")?;
    let delay = Duration::from_millis(number("MILLISECONDS", DELAY)?);
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .with_context(|| format!("cannot listen on port {port}"))?;
    println!("listening on {}", model::Model::slow(listener, delay).url);
    std::future::pending::<()>().await;
    Ok(())
}
