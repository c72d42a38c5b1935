//! The event service over a store whose commits can be held, failed and watched.

#[path = "service/house.rs"]
mod house;

#[path = "service/ancestors.rs"]
mod ancestors;
#[path = "service/breaker.rs"]
mod breaker;
#[path = "service/destroy.rs"]
mod destroy;
#[path = "service/faults.rs"]
mod faults;
#[path = "service/idempotency.rs"]
mod idempotency;
#[path = "service/jsonata.rs"]
mod jsonata;
#[path = "service/lifecycle.rs"]
mod lifecycle;
#[path = "service/live.rs"]
mod live;
#[path = "service/model.rs"]
mod model;
#[path = "service/scheduler.rs"]
mod scheduler;
#[path = "service/secrets.rs"]
mod secrets;
#[path = "service/transform.rs"]
mod transform;
#[path = "service/webhook.rs"]
mod webhook;
#[path = "service/websocket.rs"]
mod websocket;
