//! Time that runs by itself.

use super::travel;
use crate::app::state::{App, Level, Play, Speed};
use std::time::Duration;

/// Slowest and fastest factor of recorded time.
const FACTORS: (f32, f32) = (0.5, 64.0);
/// Slowest and fastest steady rate, in events a second.
const RATES: (f32, f32) = (0.5, 4096.0);
/// The steady rate to begin with.
const RATE: f32 = 8.0;

pub fn toggle(app: &mut App) {
    if app.play.take().is_some() {
        return;
    }
    if app.playhead.rows >= app.len() {
        travel::go_to(app, 0);
    }
    app.play = Some(Play {
        elapsed: Duration::ZERO,
    });
}

pub fn change_speed(app: &mut App, by: f32) {
    app.speed = match app.speed {
        Speed::Recorded(factor) => Speed::Recorded((factor * by).clamp(FACTORS.0, FACTORS.1)),
        Speed::Steady(rate) => Speed::Steady((rate * by).clamp(RATES.0, RATES.1)),
    };
    tell(app);
}

pub fn as_recorded(app: &mut App) {
    app.speed = match app.speed {
        Speed::Recorded(_) => Speed::Steady(RATE),
        Speed::Steady(_) => Speed::Recorded(1.0),
    };
    tell(app);
}

fn tell(app: &mut App) {
    let text = match app.speed {
        Speed::Recorded(factor) => format!(
            "speed: {factor}× as recorded, pauses at most {} s",
            app.settings.gap_cap.as_secs_f32()
        ),
        Speed::Steady(rate) => format!("speed: {rate} events a second"),
    };
    app.toast(Level::Info, text);
}

/// Lets this much time pass.
pub fn tick(app: &mut App, passed: Duration) {
    let Some(play) = app.play else { return };
    let mut elapsed = play.elapsed + passed;
    let mut rows = app.playhead.rows;
    while rows < app.len() {
        let wait = wait_before(app, rows);
        if elapsed < wait {
            break;
        }
        elapsed -= wait;
        rows += 1;
    }
    travel::place(app, rows);
    app.play = (rows < app.len()).then_some(Play { elapsed });
    if app.play.is_none() {
        app.playhead.following = app.follows;
    }
}

/// How long the screen stands at `rows` events before the next one comes.
fn wait_before(app: &App, rows: usize) -> Duration {
    /// Even events of one instant take some time, so that one tick never runs through a log.
    const LEAST: Duration = Duration::from_micros(50);
    match app.speed {
        Speed::Steady(rate) => Duration::from_secs_f32(1.0 / rate),
        Speed::Recorded(factor) => {
            let time = |row: usize| app.log.as_ref()?.log.row(row)?.time;
            let gap = rows
                .checked_sub(1)
                .and_then(time)
                .zip(time(rows))
                .map_or(0, |(before, next)| next.0.saturating_sub(before.0).max(0));
            Duration::from_millis(gap.unsigned_abs())
                .min(app.settings.gap_cap)
                .div_f32(factor)
                .max(LEAST)
        }
    }
}
