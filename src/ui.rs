//! Draws the program's state: one file a pane, themes, and text that cannot harm the terminal.
//! Nothing here changes what it draws.

pub mod breaker;
pub mod clock;
pub mod composer;
pub mod detail;
pub mod footer;
pub mod highlight;
pub mod json;
pub mod notes;
pub mod popup;
pub mod scrubber;
pub mod state_tree;
pub mod status;
pub mod streams;
pub mod text;
pub mod theme;
pub mod timeline;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

use crate::app::dock::Dock;
use crate::app::layout::Pane;
use crate::app::state::{App, Mode};
use crate::model::log::EventLog;
use crate::model::summary;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use rustc_hash::FxHashMap;
use std::path::Path;
use std::sync::Arc;
use text::{Canvas, bold};
use theme::depth::Depth;
use theme::file::Definition;
use theme::{Role, Theme};

/// Draws frames; remembers the theme in force and what events said, nothing that matters.
pub struct View {
    themes: Vec<Definition>,
    depth: Depth,
    ascii: bool,
    theme: Theme,
    cache: Cache,
}

impl View {
    /// For a terminal with these abilities; `themes` must not be empty to have any but the
    /// built-in default.
    #[must_use]
    pub fn new(themes: Vec<Definition>, depth: Depth, ascii: bool) -> View {
        let builtin = theme::file::builtin();
        let first = themes.first().unwrap_or(&builtin[0]);
        View {
            theme: Theme::new(first, depth, ascii),
            themes,
            depth,
            ascii,
            cache: Cache::default(),
        }
    }

    /// For the terminal and locale that the environment tells of (`NO_COLOR`, `COLORTERM`, `TERM`,
    /// `LC_ALL`, `LC_CTYPE`, `LANG`), with the person's own themes from `folder`. Also gives what
    /// is wrong with those, file and line first.
    #[must_use]
    pub fn from_environment(folder: Option<&Path>) -> (View, Vec<String>) {
        let env = |name: &str| std::env::var(name).ok();
        let (themes, warnings) = theme::file::load(folder);
        let depth = Depth::detect(env);
        (
            View::new(themes, depth, theme::depth::needs_ascii(env)),
            warnings,
        )
    }

    /// The names that `Settings::theme` can take, the default first.
    #[must_use]
    pub fn theme_names(&self) -> Vec<String> {
        self.themes.iter().map(|theme| theme.name.clone()).collect()
    }

    /// Draws the whole screen.
    pub fn draw(&mut self, frame: &mut Frame, app: &App) {
        if let Some(cursor) = self.render(frame.buffer_mut(), app) {
            frame.set_cursor_position(cursor);
        }
    }

    /// Draws the whole screen into cells; gives the cursor's place when something is typed.
    pub fn render(&mut self, buf: &mut Buffer, app: &App) -> Option<Position> {
        if self.theme.name != app.settings.theme
            && let Ok(found) = theme::file::find(&self.themes, &app.settings.theme)
        {
            self.theme = Theme::new(found, self.depth, self.ascii);
        }
        self.cache.keep_up(app);
        let screen = buf.area;
        let mut c = Canvas {
            buf,
            theme: &self.theme,
        };
        c.tint(screen, Role::Text);
        let areas = &app.areas;
        status::draw(&mut c, areas.status, app);
        if !areas.tiny {
            streams::draw_tabs(&mut c, areas.tabs, app);
            scrubber::draw(&mut c, areas.scrubber, app);
            footer::draw_banner(&mut c, areas.banner, app);
            let upright = c.glyph("│", "|");
            let rule = rule_role(app);
            for line in 0..areas.divider.height {
                c.pen(areas.divider, line).role(upright, rule);
            }
            for (pane, area) in &areas.panes {
                draw_pane(&mut c, *pane, *area, app, &mut self.cache);
            }
            draw_strip(&mut c, areas.strip, app, &mut self.cache);
            footer::draw(&mut c, areas.footer, app);
        }
        let mut cursor = match app.dock {
            Some(dock) if !areas.dock.is_empty() => draw_dock(&mut c, dock, areas.dock, app),
            _ => None,
        };
        for layer in &app.layers {
            cursor = popup::draw(&mut c, screen, app, layer);
        }
        let above_footer = Rect {
            height: screen.height.saturating_sub(1),
            ..screen
        };
        footer::draw_toasts(&mut c, above_footer, app);
        cursor
    }
}

/// Lines between panes say by their colour whether this is the past; the status line says it in
/// a word.
fn rule_role(app: &App) -> Role {
    match app.mode() {
        Mode::Rewound | Mode::Playing if app.log.is_some() => Role::Rewound,
        _ => Role::Border,
    }
}

/// Draws what is docked under the panes; gives the cursor's place when something is typed there.
fn draw_dock(c: &mut Canvas, dock: Dock, area: Rect, app: &App) -> Option<Position> {
    match dock {
        Dock::Breaker => {
            breaker::draw(c, area, app);
            None
        }
        Dock::Composer => composer::draw(c, area, app),
    }
}

fn draw_pane(c: &mut Canvas, pane: Pane, area: Rect, app: &App, cache: &mut Cache) {
    let (title, right) = title(pane, app);
    header(c, area, app, pane == app.focus, &title, &right);
    let body = Rect {
        y: area.y.saturating_add(1),
        height: area.height.saturating_sub(1),
        ..area
    };
    match pane {
        Pane::Timeline => timeline::draw(c, body, app, cache),
        Pane::State => state_tree::draw(c, body, app),
        Pane::Event => detail::draw_event(c, body, app),
        Pane::Source => detail::draw_source(c, body, app),
    }
}

/// A pane's title in its first line, a rule, and what is worth saying at its right.
fn header(c: &mut Canvas, area: Rect, app: &App, focused: bool, title: &str, right: &str) {
    let style = if focused {
        bold(c.theme, Role::Accent)
    } else {
        c.theme.style(Role::Dim)
    };
    let across = c.glyph("─", "-");
    let rule = c.theme.style(rule_role(app));
    let right_width = text::text_width(right, area.width / 3, c.theme.ascii);
    let right_room = if right_width > 0 { right_width + 3 } else { 0 };
    let mut pen = c.pen(area, 0);
    pen.gap(1);
    let title_room = pen.room().saturating_sub(right_room + 1);
    pen.put_within(title, title_room, style);
    pen.gap(1);
    let dashes = pen.room().saturating_sub(right_room);
    pen.put(&across.repeat(dashes.into()), rule);
    if right_width > 0 {
        let dim = pen.theme.style(Role::Dim);
        pen.gap(1);
        pen.put_within(right, right_width, dim);
    }
}

fn title(pane: Pane, app: &App) -> (String, String) {
    match pane {
        Pane::Timeline => {
            let right = match &app.filter {
                Some(filter) => format!("{} of {}", filter.rows.len(), app.len()),
                None => format!("{} events", app.len()),
            };
            let title = match &app.filter {
                Some(filter) => format!("TIMELINE  & {}", filter.text),
                None => "TIMELINE".to_owned(),
            };
            (
                title,
                if app.log.is_some() {
                    right
                } else {
                    String::new()
                },
            )
        }
        Pane::State => state_tree::title(app),
        Pane::Event => {
            let row = app.row().and_then(|row| app.log.as_ref()?.log.row(row));
            let title = match row {
                Some(row) => {
                    let name = crate::model::kind::family(&row.event_type).to_owned();
                    format!("EVENT {}  {name}", app.offset_at(app.playhead.rows))
                }
                None => "EVENT".to_owned(),
            };
            let right = match (app.event.raw, app.event.envelope) {
                (true, _) => "raw",
                (false, true) => "whole event",
                (false, false) => "payload",
            };
            (title, right.to_owned())
        }
        Pane::Source => match app.code.files.get(app.code.current) {
            Some(file) => {
                let many = app.code.files.len();
                let right = if many > 1 {
                    format!("file {} of {many}", app.code.current + 1)
                } else {
                    String::new()
                };
                (format!("SOURCE  {}", file.name), right)
            }
            None => ("SOURCE".to_owned(), String::new()),
        },
    }
}

/// One line about what is not on the screen: beside the timeline what the event did to the state,
/// elsewhere the event itself.
fn draw_strip(c: &mut Canvas, area: Rect, app: &App, cache: &mut Cache) {
    if area.is_empty() || app.is_empty() {
        return;
    }
    if app.focus == Pane::Timeline {
        state_tree::draw_strip(c, area, app);
    } else {
        let line = app.playhead_line();
        let look = timeline::Look {
            first: true,
            current: true,
        };
        timeline::draw_line(&mut c.pen(area, 0), app, &line, look, cache);
    }
}

/// What events said, kept while the log stays as it is: parsing them for every frame costs more
/// than drawing does.
#[derive(Default)]
pub struct Cache {
    of: (usize, u64),
    summaries: FxHashMap<usize, String>,
}

/// More than any screen shows; beyond it the cache starts anew.
const MOST_SUMMARIES: usize = 4096;

impl Cache {
    fn keep_up(&mut self, app: &App) {
        let of = app.log.as_ref().map_or((0, 0), |view| {
            let address = Arc::as_ptr(&view.log).cast::<()>() as usize;
            (address, view.log.version())
        });
        if of != self.of || self.summaries.len() > MOST_SUMMARIES {
            self.of = of;
            self.summaries.clear();
        }
    }

    fn summary(&mut self, log: &Arc<dyn EventLog>, row: usize, event_type: &str) -> &str {
        self.summaries.entry(row).or_insert_with(|| {
            log.raw(row)
                .map(|raw| summary::summary(event_type, &raw))
                .unwrap_or_default()
        })
    }
}
