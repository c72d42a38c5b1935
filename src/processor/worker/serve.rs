//! Answers what a live worker asks for, each request on its own; appends in the order they came.

use super::fetch::{self, Fetcher, Gateway, Upload};
use super::outside::{Append, Outside, Refused};
use crate::processor::frames::live::{Answer, Body, Order, Refusal, Report, Request};
use bytes::Bytes;
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

/// One worker's requests. Dropping it drops all that are on their way.
pub struct Server {
    outside: Arc<dyn Outside>,
    fetcher: Arc<Fetcher>,
    gateway: Option<Gateway>,
    orders: mpsc::Sender<Bytes>,
    appends: mpsc::UnboundedSender<(u64, Append)>,
    exchanges: Exchanges,
    tasks: JoinSet<()>,
}

/// Fetches by their number.
type Exchanges = Arc<Mutex<FxHashMap<u64, Exchange>>>;

struct Exchange {
    /// The request that waits, for the head or a chunk.
    request: Option<(u64, AbortHandle)>,
    /// Takes the request's body, while it is being sent.
    upload: Option<Upload>,
    /// The response's body, between two reads.
    body: Option<fetch::Body>,
}

impl Server {
    /// Answers go to `orders`.
    pub fn new(
        outside: Arc<dyn Outside>,
        fetcher: Arc<Fetcher>,
        gateway: Option<Gateway>,
        orders: mpsc::Sender<Bytes>,
    ) -> Server {
        let (appends, queue) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(append_all(outside.clone(), queue, orders.clone()));
        Server {
            outside,
            fetcher,
            gateway,
            orders,
            appends,
            exchanges: Exchanges::default(),
            tasks,
        }
    }

    /// Takes care of what asks for something; gives back what does not.
    pub fn serve(&mut self, report: Report) -> Option<Report> {
        // Those that are done are let go of.
        while self.tasks.try_join_next().is_some() {}
        match report {
            Report::Request { id, request } => self.request(id, request),
            Report::Log { level, text } => self.outside.log(&level, &text),
            Report::Stray {
                offset,
                message,
                stack,
            } => self.outside.stray(offset, &message, &stack),
            other => return Some(other),
        }
        None
    }

    fn request(&mut self, id: u64, request: Request) {
        match request {
            Request::Append {
                cause,
                nth,
                path,
                event,
            } => {
                let append = Append {
                    cause,
                    nth,
                    path,
                    event: event.into(),
                };
                self.outside.acts();
                // The other end lives as long as this.
                let _ = self.appends.send((id, append));
            }
            Request::Fetch { head, body } => self.fetch(id, &head, body),
            Request::Pull { fetch } => self.pull(id, fetch),
            Request::Push { fetch, chunk } => self.push(id, fetch, chunk),
            Request::Cancel { fetch } => {
                let exchange = lock(&self.exchanges).remove(&fetch);
                if let Some((id, request)) = exchange.and_then(|e| e.request) {
                    request.abort();
                    let orders = self.orders.clone();
                    let refused = Refused {
                        message: "cancelled".into(),
                        ..Refused::default()
                    };
                    // If it was answered already, this second answer is not looked at.
                    self.tasks
                        .spawn(async move { reply(&orders, id, Err(refused)).await });
                }
            }
        }
    }

    fn fetch(&mut self, id: u64, head: &[u8], body: Body) {
        self.outside.acts();
        let (body, upload) = fetch::upload(body);
        let request = self
            .fetcher
            .fetch(head, body, self.gateway.clone(), self.outside.clone());
        let (orders, exchanges) = (self.orders.clone(), self.exchanges.clone());
        lock(&self.exchanges).insert(
            id,
            Exchange {
                request: None,
                upload,
                body: None,
            },
        );
        let task = self.tasks.spawn(async move {
            let answer = match request.await {
                Ok((head, body)) => {
                    let mut exchanges = lock(&exchanges);
                    if body.is_none() {
                        exchanges.remove(&id);
                    } else if let Some(exchange) = exchanges.get_mut(&id) {
                        exchange.request = None;
                        exchange.body = body;
                    }
                    Ok(Some(head.into()))
                }
                Err(refused) => {
                    lock(&exchanges).remove(&id);
                    Err(refused)
                }
            };
            reply(&orders, id, answer).await;
        });
        if let Some(exchange) = lock(&self.exchanges).get_mut(&id)
            && exchange.body.is_none()
        {
            exchange.request = Some((id, task));
        }
    }

    fn pull(&mut self, id: u64, fetch: u64) {
        let body = lock(&self.exchanges)
            .get_mut(&fetch)
            .and_then(|exchange| exchange.body.take());
        let (orders, exchanges) = (self.orders.clone(), self.exchanges.clone());
        let task = self.tasks.spawn(async move {
            let answer = match body {
                None => Ok(None),
                Some(mut body) => {
                    let answer = body.chunk().await;
                    let mut exchanges = lock(&exchanges);
                    match (&answer, exchanges.get_mut(&fetch)) {
                        (Ok(Some(_)), Some(exchange)) => exchange.body = Some(body),
                        _ => {
                            exchanges.remove(&fetch);
                        }
                    }
                    answer
                }
            };
            reply(&orders, id, answer).await;
        });
        // A cancel ends the wait for a chunk too.
        if let Some(exchange) = lock(&self.exchanges).get_mut(&fetch) {
            exchange.request = Some((id, task));
        }
    }

    fn push(&mut self, id: u64, fetch: u64, chunk: Option<Vec<u8>>) {
        let upload = {
            let mut exchanges = lock(&self.exchanges);
            let exchange = exchanges.get_mut(&fetch);
            match chunk {
                None => {
                    if let Some(exchange) = exchange {
                        exchange.upload = None;
                    }
                    None
                }
                Some(chunk) => exchange
                    .and_then(|exchange| exchange.upload.clone())
                    .map(|upload| (upload, chunk)),
            }
        };
        let orders = self.orders.clone();
        self.tasks.spawn(async move {
            if let Some((upload, chunk)) = upload {
                // A server that does not want the rest has answered; that is what counts.
                let _ = upload.send(chunk.into()).await;
            }
            reply(&orders, id, Ok(None)).await;
        });
    }
}

async fn append_all(
    outside: Arc<dyn Outside>,
    mut queue: mpsc::UnboundedReceiver<(u64, Append)>,
    orders: mpsc::Sender<Bytes>,
) {
    while let Some((id, append)) = queue.recv().await {
        let answer = outside.append(append).await;
        reply(&orders, id, answer.map(Some)).await;
    }
}

async fn reply(orders: &mpsc::Sender<Bytes>, id: u64, answer: Result<Option<Bytes>, Refused>) {
    let answer = match answer {
        Ok(Some(bytes)) => Answer::Value(bytes.into()),
        Ok(None) => Answer::End,
        Err(refused) => Answer::Failed(Refusal {
            message: refused.message,
            code: refused.code.into(),
            status: refused.status.into(),
        }),
    };
    let mut frame = Vec::new();
    Order::Answer { id, answer }.put(&mut frame);
    // A worker that is gone needs no answer.
    let _ = orders.send(frame.into()).await;
}

fn lock(exchanges: &Exchanges) -> std::sync::MutexGuard<'_, FxHashMap<u64, Exchange>> {
    exchanges.lock().unwrap_or_else(PoisonError::into_inner)
}
