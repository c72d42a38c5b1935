//! Times and amounts in few cells.

use crate::model::event::Millis;

/// `09:14:02`, UTC, as the log has it.
#[must_use]
pub fn time_of_day(time: Millis) -> String {
    let seconds = time.0.div_euclid(1000).rem_euclid(86_400);
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{h:02}:{m:02}:{s:02}")
}

/// `+200ms`, `+4.2s`, `+4m07s`, `+3h12m`, `+2d03h`: time since the event before, at most 8 cells.
#[must_use]
pub fn since(before: Millis, now: Millis) -> String {
    let delta = now.0.saturating_sub(before.0);
    let sign = if delta < 0 { '-' } else { '+' };
    format!("{sign}{}", span(delta.unsigned_abs()))
}

/// A stretch of time, in milliseconds.
#[must_use]
pub fn span(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0 => format!("{millis}ms"),
        1..60 => format!("{}.{}s", seconds, millis % 1000 / 100),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        86_400..86_400_000 => format!("{}d{:02}h", seconds / 86_400, seconds / 3600 % 24),
        _ => format!("{}y", seconds / 31_557_600),
    }
}

/// `812 B`, `2.1 kB`, `3.0 MB`.
#[must_use]
pub fn size(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// `41 %` of the way; 100 only when all is done.
#[must_use]
pub fn percent(done: usize, of: usize) -> String {
    let part = if of == 0 {
        100
    } else {
        done.min(of) as u128 * 100 / of as u128
    };
    format!("{part} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_stay_within_their_column() {
        assert_eq!(time_of_day(Millis(33_242_999)), "09:14:02");
        assert_eq!(time_of_day(Millis(-1)), "23:59:59");
        let of = |ms| since(Millis(0), Millis(ms));
        assert_eq!(of(0), "+0ms");
        assert_eq!(of(4_290), "+4.2s");
        assert_eq!(of(-1_500), "-1.5s");
        assert_eq!(of(247_000), "+4m07s");
        assert_eq!(of(11_520_000), "+3h12m");
        assert_eq!(of(180_000_000), "+2d02h");
        for shift in 0..63 {
            assert!(of(1 << shift).len() <= 11);
        }
        assert_eq!(
            since(Millis(i64::MIN), Millis(i64::MAX)).chars().next(),
            Some('+')
        );
    }

    #[test]
    fn amounts_are_short() {
        assert_eq!(size(999), "999 B");
        assert_eq!(size(2_149), "2.1 kB");
        assert_eq!(percent(999, 1000), "99 %");
        assert_eq!(percent(0, 0), "100 %");
    }
}
