//! What is asked of each peer, and what is told of it.

use super::peers::{Running, number};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;

/// Latencies of one measurement, sorted.
pub struct Latencies(Vec<Duration>);

impl Latencies {
    fn new(mut all: Vec<Duration>) -> Latencies {
        all.sort_unstable();
        Latencies(all)
    }

    /// The one that `share` of all are not above, in milliseconds.
    pub fn at(&self, share: f64) -> f64 {
        let index = ((self.0.len() as f64 * share).ceil() as usize).clamp(1, self.0.len().max(1));
        self.0
            .get(index - 1)
            .map_or(f64::NAN, |d| d.as_secs_f64() * 1e3)
    }

    pub fn p50_p99(&self) -> String {
        format!("{:.2}/{:.2}", self.at(0.5), self.at(0.99))
    }
}

/// What came of appending.
pub struct Appended {
    /// Events a second.
    pub rate: f64,
    pub latencies: Latencies,
    /// What the peer's process computed for each event, in microseconds of processor time.
    pub processor: Option<f64>,
}

/// Appends over so many connections, each waiting for its answer, spread over streams.
pub async fn appends(
    running: &Arc<Running>,
    connections: usize,
    streams: usize,
    warm_up: Duration,
    time: Duration,
) -> io::Result<Appended> {
    for stream in 0..streams {
        running.make(&format!("s{stream}")).await?;
    }
    let used = running.processor_time();
    let begin = Instant::now() + warm_up;
    let end = begin + time;
    let mut tasks = JoinSet::new();
    for connection in 0..connections {
        let running = Arc::clone(running);
        tasks.spawn(async move {
            let mut conn = running.connect().await?;
            let request = running
                .peer
                .append(&format!("s{}", connection % streams), number(0));
            let mut latencies = Vec::new();
            let mut count = 0u64;
            loop {
                let sent = Instant::now();
                if sent >= end {
                    return io::Result::Ok((latencies, count));
                }
                running.append(&mut conn, &request).await?;
                count += 1;
                if sent >= begin {
                    latencies.push(sent.elapsed());
                }
            }
        });
    }
    let (mut all, mut events) = (Vec::new(), 0);
    while let Some(done) = tasks.join_next().await {
        let (latencies, count) = done.map_err(io::Error::other)??;
        all.extend(latencies);
        events += count;
    }
    let used = used.zip(running.processor_time());
    Ok(Appended {
        rate: all.len() as f64 / time.as_secs_f64(),
        latencies: Latencies::new(all),
        processor: used.map(|(before, after)| {
            after.saturating_sub(before).as_secs_f64() * 1e6 / events as f64
        }),
    })
}

/// Puts so many events into each of so many streams.
pub async fn fill(running: &Arc<Running>, streams: u64, each: u64) -> io::Result<()> {
    for stream in 0..streams {
        running.make(&format!("s{stream}")).await?;
    }
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..64 {
        let (running, next) = (Arc::clone(running), Arc::clone(&next));
        tasks.spawn(async move {
            let mut conn = running.connect().await?;
            loop {
                let count = next.fetch_add(1, Ordering::Relaxed);
                if count >= streams * each {
                    return io::Result::Ok(());
                }
                let request = running
                    .peer
                    .append(&format!("s{}", count % streams), number(count));
                running.append(&mut conn, &request).await?;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.map_err(io::Error::other)??;
    }
    Ok(())
}

/// One event after the other to so many live readers: latencies of the appends, and from the append
/// to each reader.
pub async fn fan_out(
    running: &Arc<Running>,
    readers: usize,
    events: u64,
) -> io::Result<(Latencies, Latencies)> {
    running.make("s0").await?;
    let mut conn = running.connect().await?;
    running
        .append(&mut conn, &running.peer.append("s0", number(0)))
        .await?;
    let (told, mut received) = unbounded_channel();
    let mut tasks = JoinSet::new();
    for _ in 0..readers {
        let mut follower = running.follow("s0").await?;
        let told = told.clone();
        tasks.spawn(async move {
            while let Ok(number) = follower.next().await {
                if told.send((number, Instant::now())).is_err() {
                    break;
                }
            }
        });
    }
    // Until all of them hear, one event after the other is sent.
    let mut heard = 0;
    let mut count = 1;
    while heard < readers {
        running
            .append(&mut conn, &running.peer.append("s0", number(count)))
            .await?;
        heard = 0;
        let patience = tokio::time::sleep(Duration::from_secs(2));
        tokio::pin!(patience);
        while heard < readers {
            tokio::select! {
                told = received.recv() => {
                    heard += usize::from(told.is_some_and(|(n, _)| n == number(count)));
                }
                () = &mut patience => break,
            }
        }
        count += 1;
        if count > 20 {
            return Err(io::Error::other(format!(
                "{heard} of {readers} readers hear"
            )));
        }
    }
    let (mut appends, mut deliveries) = (Vec::new(), Vec::new());
    for _ in 0..events {
        let sent = Instant::now();
        running
            .append(&mut conn, &running.peer.append("s0", number(count)))
            .await?;
        appends.push(sent.elapsed());
        let mut missing = readers;
        while missing > 0 {
            let Some((n, at)) = received.recv().await else {
                return Err(io::Error::other("the readers are gone"));
            };
            if n == number(count) {
                deliveries.push(at - sent);
                missing -= 1;
            }
        }
        count += 1;
    }
    Ok((Latencies::new(appends), Latencies::new(deliveries)))
}

/// Live readers that hear nothing: what each costs in bytes of resident memory, and all together.
pub async fn idle(running: &Arc<Running>, readers: usize) -> io::Result<(u64, u64)> {
    running.make("s0").await?;
    let mut conn = running.connect().await?;
    running
        .append(&mut conn, &running.peer.append("s0", number(0)))
        .await?;
    let before = running.memory().unwrap_or(0);
    let mut followers = Vec::with_capacity(readers);
    for _ in 0..readers {
        followers.push(running.follow("s0").await?);
    }
    // Redis says nothing to a reader that waits, so that one is given a moment to be in.
    tokio::time::sleep(Duration::from_millis(300)).await;
    // The first connection may have been idle for too long by now.
    let mut conn = running.connect().await?;
    running
        .append(&mut conn, &running.peer.append("s0", number(1)))
        .await?;
    for follower in &mut followers {
        follower.next().await?;
    }
    let after = running.memory().unwrap_or(0);
    Ok((after.saturating_sub(before) / readers.max(1) as u64, after))
}

/// Reads all of a stream so many times; the bytes, and the quickest time.
pub async fn history(running: &Arc<Running>, times: usize) -> io::Result<(u64, Duration)> {
    let mut best: Option<(u64, Duration)> = None;
    for _ in 0..times {
        let started = Instant::now();
        let bytes = running.history("s0").await?;
        let took = started.elapsed();
        if best.is_none_or(|(_, time)| took < time) {
            best = Some((bytes, took));
        }
    }
    best.ok_or_else(|| io::Error::other("not read once"))
}
