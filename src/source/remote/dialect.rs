//! How a service wants to be asked: its route, and which of the three generations of names for the
//! bounds of a read it knows (SPEC §3.1). Found out at connection: a strict service answers 400 to
//! names that it does not know.

use crate::model::path::StreamPath;

/// Names of the bounds, the newest generation first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// `afterOffset`, `beforeOffset`.
    AfterOffset,
    /// `after`, `before`.
    After,
    /// `offset` and `live`; there is no upper bound.
    Offset,
}

/// Where streams are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/api/streams/{path}`.
    Api,
    /// `/{path}`, the seed's short form.
    Seed,
}

/// One way to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Where.
    pub route: Route,
    /// With which names.
    pub names: Names,
}

impl Dialect {
    /// All ways, in the order in which they are tried.
    pub const ALL: [Dialect; 4] = [
        Dialect::new(Route::Api, Names::AfterOffset),
        Dialect::new(Route::Api, Names::After),
        Dialect::new(Route::Api, Names::Offset),
        Dialect::new(Route::Seed, Names::Offset),
    ];

    const fn new(route: Route, names: Names) -> Dialect {
        Dialect { route, names }
    }

    /// The way to try after this one.
    #[must_use]
    pub fn next(self) -> Option<Dialect> {
        let at = Self::ALL.iter().position(|d| *d == self)?;
        Self::ALL.get(at + 1).copied()
    }

    /// The query of a read.
    #[must_use]
    pub fn query(self, bounds: Bounds) -> String {
        let (lower, upper) = match self.names {
            Names::AfterOffset => ("afterOffset", "beforeOffset"),
            Names::After => ("after", "before"),
            Names::Offset => {
                let live = matches!(bounds.until, Until::Never);
                return match bounds.after {
                    After::Offset(0) => format!("live={live}"),
                    after => format!("offset={after}&live={live}"),
                };
            }
        };
        let lower = match bounds.after {
            After::Offset(0) => None,
            after => Some(format!("{lower}={after}")),
        };
        let upper = match bounds.until {
            Until::Never => None,
            Until::End => Some(format!("{upper}=end")),
            Until::Before(offset) => Some(format!("{upper}={offset}")),
        };
        let parts: Vec<String> = [lower, upper].into_iter().flatten().collect();
        parts.join("&")
    }
}

impl Route {
    /// The path of a stream under the service's base URL.
    #[must_use]
    pub fn stream(self, path: &StreamPath) -> String {
        match (self, path.as_str()) {
            (Route::Api, "/") => "/api/streams/%2F".to_owned(),
            (Route::Api, path) => format!("/api/streams{path}"),
            (Route::Seed, path) => path.to_owned(),
        }
    }
}

/// Where a read begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// After the event with this offset; 0 is the stream's start.
    Offset(u64),
    /// After the last event there is.
    End,
}

impl std::fmt::Display for After {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            After::Offset(offset) => offset.fmt(f),
            After::End => f.write_str("end"),
        }
    }
}

/// Where a read ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Before this offset. The oldest generation has no such bound and goes on to the end.
    Before(u64),
    /// With the last event there is.
    End,
    /// It does not: later events follow as they are committed.
    Never,
}

/// What to read of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Exclusive.
    pub after: After,
    /// Exclusive.
    pub until: Until,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_generation_asks_for_the_same() {
        let whole = Bounds {
            after: After::Offset(0),
            until: Until::End,
        };
        let live = Bounds {
            after: After::Offset(7),
            until: Until::Never,
        };
        let new = Bounds {
            after: After::End,
            until: Until::Never,
        };
        let asked = |dialect: usize| {
            let dialect = Dialect::ALL[dialect];
            [whole, live, new].map(|bounds| dialect.query(bounds))
        };
        assert_eq!(
            asked(0),
            ["beforeOffset=end", "afterOffset=7", "afterOffset=end"]
        );
        assert_eq!(asked(1), ["before=end", "after=7", "after=end"]);
        assert_eq!(
            asked(2),
            ["live=false", "offset=7&live=true", "offset=end&live=true"]
        );
    }

    #[test]
    fn the_root_is_escaped() {
        assert_eq!(Route::Api.stream(&StreamPath::root()), "/api/streams/%2F");
        assert_eq!(Route::Seed.stream(&StreamPath::root()), "/");
    }
}
