//! The circuit breaker: its gauge in the status line, and the panel that tells why it tripped.

mod plot;

use super::clock;
use super::text::{Canvas, bold, text_width};
use super::theme::{Role, Theme};
use crate::app::command::Verb;
use crate::app::connection::Refused;
use crate::app::state::App;
use crate::model::breaker_story::{Author, Chain, Filled, Link, Pause, Story};
use crate::model::event::Millis;
use crate::model::stream_state::breaker::{Level, Policy};
use ratatui::layout::Rect;

/// Cells of a gauge between its ends.
const GAUGE: usize = 4;
/// From this many columns on the plot and the facts stand side by side.
const BESIDE: u16 = 72;
/// A plot of fewer lines than this shows nothing.
const LEAST_PLOT: u16 = 5;
/// Types named before the rest is summed up.
const MOST_GROUPS: usize = 6;

/// The level as a bar and in numbers: `▕██▋ ▏ 12/100`.
#[must_use]
pub fn gauge(theme: &Theme, level: Level) -> String {
    let part = if level.limit == 0 {
        0.0
    } else {
        (level.used / level.limit as f64).clamp(0.0, 1.0)
    };
    let used = level.used.ceil() as u64;
    if theme.ascii {
        let full = (part * GAUGE as f64).round() as usize;
        let (full, rest) = ("#".repeat(full), ".".repeat(GAUGE - full));
        return format!("[{full}{rest}] {used}/{}", level.limit);
    }
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (part * GAUGE as f64 * 8.0).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    bar.push_str(EIGHTHS[eighths % 8]);
    let cells = bar.chars().count();
    format!(
        "▕{bar}{}▏ {used}/{}",
        " ".repeat(GAUGE - cells),
        level.limit
    )
}

/// Draws the panel.
pub fn draw(c: &mut Canvas, area: Rect, app: &App) {
    let story = app.breaker.story.as_deref();
    let limit = story.map_or_else(String::new, limit_in_words);
    let policy = match story.and_then(|story| story.bucket) {
        Some(_) => "BREAKER  token bucket",
        None => "BREAKER  sliding window",
    };
    super::header(c, area, app, true, policy, &limit);
    let hint = Rect {
        y: area.bottom().saturating_sub(1),
        height: area.height.min(1),
        ..area
    };
    let inside = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(2),
        ..area
    };
    hints(c, hint, app);
    let Some(story) = story else {
        let why = match &app.survey {
            _ if app.is_empty() => "No events, nothing to count.",
            None => "Looking through the log…",
            Some(_) => "Counting the events up to here…",
        };
        c.why_empty(inside, &[why]);
        return;
    };
    if area.width < BESIDE || inside.height < LEAST_PLOT {
        facts(c, inside, app, story);
        return;
    }
    let left = if inside.width < 100 {
        inside.width * 2 / 5
    } else {
        (inside.width / 2).min(80)
    };
    plot::draw(
        c,
        Rect {
            width: left,
            ..inside
        },
        app,
        story,
    );
    facts(
        c,
        Rect {
            x: inside.x + left + 2,
            width: inside.width - left - 2,
            ..inside
        },
        app,
        story,
    );
}

fn limit_in_words(story: &Story) -> String {
    match story.bucket {
        None => match story.policy {
            Policy::Window { events, millis } => format!("{events} in {millis} ms"),
            Policy::Off => "no limit".to_owned(),
        },
        Some(bucket) => format!(
            "{}, +{} a minute",
            bucket.burst_capacity, bucket.refill_rate_per_minute
        ),
    }
}

fn hints(c: &mut Canvas, area: Rect, app: &App) {
    let key = bold(c.theme, Role::Accent);
    let close = app.settings.keymap.keys(Verb::Breaker).next();
    let close = close.map_or("Esc".to_owned(), |key| key.to_string());
    let mut pen = c.pen(area, 0);
    pen.gap(1);
    let resume = Verb::Resume.enabled(app).is_ok();
    for (name, what) in [
        ("r", if resume { "resume" } else { "" }),
        ("Enter", "to the pause"),
        ("o", "follow the chain"),
        (close.as_str(), "close"),
    ] {
        if what.is_empty() {
            continue;
        }
        pen.put(name, key);
        pen.gap(1);
        pen.role(what, Role::Dim);
        pen.gap(3);
    }
}

/// One line of facts: texts and their roles.
type Line = Vec<(String, Role)>;

fn facts(c: &mut Canvas, area: Rect, app: &App, story: &Story) {
    let theme = c.theme;
    let mut lines = vec![here(theme, app, story)];
    match &story.pause {
        Some(pause) => lines.extend(pause_lines(theme, pause, story)),
        None => lines.push(vec![(
            "This stream was never paused.".to_owned(),
            Role::Text,
        )]),
    }
    let chain = story.filled.chain.as_ref();
    let authors = authors(theme, &story.filled);
    let refused = refused(app, story);
    let tail = [chain.is_some(), authors.is_some(), refused.is_some()];
    let tail = tail.into_iter().filter(|there| *there).count();
    let room = usize::from(area.height).saturating_sub(lines.len() + tail + 1);
    if story.filled.events > 0 && room > 0 {
        lines.push(vec![(heading(story), Role::Dim)]);
        lines.extend(groups(&story.filled, room.min(MOST_GROUPS)));
        lines.extend(authors);
    }
    if let Some(chain) = chain {
        lines.push(chain_line(theme, chain, area.width));
    }
    lines.extend(refused);
    for (i, line) in lines.iter().take(area.height.into()).enumerate() {
        let mut pen = c.pen(area, i as u16);
        pen.gap(1);
        for (text, role) in line {
            pen.role(text, *role);
        }
    }
}

/// Appends of this session that the gate refused.
fn refused(app: &App, story: &Story) -> Option<Line> {
    let stream = app.log.as_ref()?.stream.as_deref();
    let since = story.pause.as_ref()?.time?;
    let of_this =
        |r: &&Refused| Some(r.path.as_str()) == stream && r.status == Some(412) && r.at >= since;
    let text = match app.service.as_ref()?.refused.iter().filter(of_this).count() {
        0 => return None,
        1 => "1 append of yours was refused since".to_owned(),
        n => format!("{n} appends of yours were refused since"),
    };
    Some(vec![(text, Role::Paused)])
}

/// The level where the playhead stands.
fn here(theme: &Theme, app: &App, story: &Story) -> Line {
    let level = match app.breaker.level {
        Some((rows, level)) if rows == app.playhead.rows => level,
        _ => story.level,
    };
    let role = role_of(level, app.paused_at().is_some());
    let at = app.offset_at(app.playhead.rows);
    vec![
        (format!("at {at}  "), Role::Dim),
        (gauge(theme, level), role),
    ]
}

/// Amber when the gate is closed or nearly so.
#[must_use]
pub fn role_of(level: Level, paused: bool) -> Role {
    if paused || level.used * 5.0 >= level.limit as f64 * 4.0 {
        Role::Paused
    } else {
        Role::Dim
    }
}

fn pause_lines(theme: &Theme, pause: &Pause, story: &Story) -> Vec<Line> {
    let glyph = theme.glyph("‖", "=");
    let at = pause.offset.map_or("?".to_owned(), |o| o.to_string());
    let when = pause
        .time
        .map_or(String::new(), |t| format!(", {}", to_the_millisecond(t)));
    let verb = match (&pause.tripped_by, pause.reason.is_empty()) {
        (Some(_), _) => format!("{glyph} tripped at {at}{when}"),
        (None, true) => format!("{glyph} paused by hand at {at}{when}"),
        (None, false) => format!("{glyph} paused by hand at {at}: {}", pause.reason),
    };
    let mut lines = vec![vec![(verb, Role::Paused)]];
    if let Some(by) = &pause.tripped_by {
        let how = match (story.bucket, story.policy) {
            (None, Policy::Window { events, millis }) => {
                format!(", number {events} in {millis} ms")
            }
            _ => ", which took more than was left".to_owned(),
        };
        lines.push(vec![
            ("  by ".to_owned(), Role::Dim),
            (named(by), Role::Text),
            (how, Role::Dim),
        ]);
    }
    let after = match (&pause.resumed, pause.lasted()) {
        (Some(by), Some(millis)) => format!(
            "  paused for {}, until {} resumed it",
            clock::span(millis),
            offset(by)
        ),
        (Some(by), None) => format!("  until {} resumed it", offset(by)),
        (None, _) => "  not resumed since".to_owned(),
    };
    lines.push(vec![(after, Role::Dim)]);
    lines
}

/// `09:14:19.204`, UTC.
fn to_the_millisecond(time: Millis) -> String {
    format!(
        "{}.{:03}",
        clock::time_of_day(time),
        time.0.rem_euclid(1000)
    )
}

fn offset(link: &Link) -> String {
    link.offset.map_or("?".to_owned(), |o| o.to_string())
}

fn named(link: &Link) -> String {
    format!("{} {}", offset(link), link.family)
}

fn heading(story: &Story) -> String {
    let more = if story.filled.more { "at least " } else { "" };
    let events = match story.filled.events {
        1 => "1 event".to_owned(),
        n => format!("{more}{n} events"),
    };
    match (&story.pause, story.bucket) {
        (Some(_), None) => format!("{events} in the window before it"),
        (None, None) => format!("{events} in the window up to here"),
        (_, Some(_)) => format!("{events} since the bucket was full"),
    }
}

fn author_in_words(author: &Author) -> String {
    match author {
        Author::Worker(slug) => format!("worker {slug}"),
        Author::SomeWorker => "a worker".to_owned(),
        Author::Outside => "from outside".to_owned(),
    }
}

fn groups(filled: &Filled, room: usize) -> Vec<Line> {
    let shown = if filled.groups.len() > room {
        room.saturating_sub(1)
    } else {
        room
    };
    let width = filled
        .groups
        .iter()
        .take(shown)
        .map(|g| g.family.chars().count())
        .max()
        .unwrap_or(0)
        .min(24);
    let mut lines: Vec<Line> = filled
        .groups
        .iter()
        .take(shown)
        .map(|group| {
            let family: String = group.family.chars().take(24).collect();
            vec![
                (format!("{:>5}  ", group.count), Role::Text),
                (format!("{family:<width$}  "), Role::Text),
                (author_in_words(&group.author), Role::Dim),
            ]
        })
        .collect();
    let rest = filled.groups.get(shown..).unwrap_or_default();
    if !rest.is_empty() {
        let count: usize = rest.iter().map(|g| g.count).sum();
        let text = format!("{count:>5}  of {} more types and authors", rest.len());
        lines.push(vec![(text, Role::Dim)]);
    }
    lines
}

/// Who appended them, whatever the type; said only where there is more than one.
fn authors(theme: &Theme, filled: &Filled) -> Option<Line> {
    let authors = filled.by_author();
    if authors.len() < 2 || authors.len() == filled.groups.len() {
        return None;
    }
    let dot = theme.glyph(" · ", ", ");
    let parts: Vec<String> = authors
        .iter()
        .map(|(author, count)| format!("{} {count}", author_in_words(author)))
        .collect();
    Some(vec![(parts.join(dot), Role::Dim)])
}

fn chain_line(theme: &Theme, chain: &Chain, width: u16) -> Line {
    let arrow = theme.glyph(" ← ", " <- ");
    let dots = theme.glyph("…", "...");
    let root = named(&chain.root);
    let what = match chain.loop_of {
        Some(of) => format!("a loop of {of}, {} links: ", chain.length),
        None => format!("{} links: ", chain.length),
    };
    let fits = |text: &str| {
        text_width(&what, u16::MAX, theme.ascii) + text_width(text, u16::MAX, theme.ascii) < width
    };
    let mut text = chain.links.first().map(offset).unwrap_or_default();
    for (i, link) in chain.links.iter().enumerate().skip(1) {
        if i + 1 == chain.length {
            text = format!("{text}{arrow}{root}");
            break;
        }
        let next = format!("{text}{arrow}{}", offset(link));
        if i > 3 || !fits(&format!("{next}{arrow}{dots}{arrow}{root}")) {
            text = format!("{text}{arrow}{dots}{arrow}{root}");
            break;
        }
        text = next;
    }
    vec![(what, Role::Accent), (text, Role::Text)]
}
