//! Sizes and durations as people write them.

use std::time::Duration;

/// Reads `2s`, `500ms`, `1m 30s`.
///
/// # Errors
/// A sentence that names the form, for anything else and for times that are not positive.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("must be a time such as 2s or 500ms, not {text:?}");
    let span: jiff::SignedDuration = text.trim().parse().map_err(|_| wrong())?;
    match Duration::try_from(span) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err(wrong()),
    }
}

/// Writes a duration so that [`duration`] reads the same one back.
#[must_use]
pub fn show_duration(time: Duration) -> String {
    jiff::SignedDuration::try_from(time).map_or_else(
        |_| format!("{}s", time.as_secs()),
        |span| format!("{span:#}"),
    )
}

const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// Reads `1GiB`, `256 MiB`, `0.5GB`, `65536` (bytes); letters in any case, `K M G T` alone are the
/// binary units.
///
/// # Errors
/// A sentence that names the form, for anything else and for zero.
pub fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("must be a size such as 256MiB or 1GiB, not {text:?}");
    let trimmed = text.trim();
    let digits = trimmed
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits);
    let unit = unit.trim();
    let factor = match unit {
        "" => 1,
        _ => {
            UNITS
                .iter()
                .find(|(name, _)| {
                    unit.eq_ignore_ascii_case(name)
                        || (name.len() == 3 && unit.eq_ignore_ascii_case(&name[..1]))
                })
                .ok_or_else(wrong)?
                .1
        }
    };
    let size = match number.parse::<u64>() {
        Ok(whole) => whole.checked_mul(factor),
        Err(_) => {
            let size = number.parse::<f64>().map_err(|_| wrong())? * factor as f64;
            (size.is_finite() && size < u64::MAX as f64).then_some(size as u64)
        }
    };
    size.filter(|size| *size > 0).ok_or_else(wrong)
}

/// Writes a size in the largest binary unit that holds it exactly; [`bytes`] reads it back.
#[must_use]
pub fn show_bytes(size: u64) -> String {
    UNITS
        .iter()
        .filter(|(name, _)| name.len() != 2)
        .find(|(_, factor)| size.is_multiple_of(*factor))
        .map_or_else(
            || size.to_string(),
            |(name, factor)| format!("{}{name}", size / factor),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, size) in [
            ("1GiB", 1 << 30),
            ("256 MiB", 256 << 20),
            ("64k", 64 << 10),
            ("1.5GiB", 3 << 29),
            ("10MB", 10_000_000),
            ("1gb", 1_000_000_000),
            ("65536", 65536),
            ("7B", 7),
        ] {
            assert_eq!(bytes(text), Ok(size), "{text}");
            assert_eq!(bytes(&show_bytes(size)), Ok(size), "{text}");
        }
        for bad in [
            "",
            "GiB",
            "0",
            "0GiB",
            "-1",
            "1 XiB",
            "1e3",
            "99999999TiB",
            "1..5GiB",
            "2s",
        ] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
        assert_eq!(show_bytes(1 << 30), "1GiB");
        assert_eq!(show_bytes(1000), "1000B");
    }

    #[test]
    fn durations() {
        for (text, ms) in [
            ("2s", 2000),
            ("500ms", 500),
            ("1m 30s", 90_000),
            ("1.5s", 1500),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
            let again = show_duration(Duration::from_millis(ms));
            assert_eq!(duration(&again), Ok(Duration::from_millis(ms)), "{again}");
        }
        for bad in ["", "2", "-2s", "0s", "soon", "1GiB"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert_eq!(show_duration(Duration::from_secs(2)), "2s");
    }
}
