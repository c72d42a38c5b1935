//! Where the panes stand at a terminal size; pure, so that keys, mouse and drawing agree.

pub use ratatui::layout::Rect;

/// A terminal size in cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

/// What the body can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pane {
    /// The events.
    Timeline,
    /// The reducer's state.
    State,
    /// The playhead's event.
    Event,
    /// The processor's source.
    Source,
}

impl Pane {
    /// All of them, in the order of `Tab` and `1..4`.
    pub const ALL: [Pane; 4] = [Pane::Timeline, Pane::State, Pane::Event, Pane::Source];

    /// Its name in words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Pane::Timeline => "timeline",
            Pane::State => "state",
            Pane::Event => "event",
            Pane::Source => "source",
        }
    }
}

/// Smallest terminal that gets panes; below it everything is one line.
pub const SMALLEST: Size = Size {
    width: 40,
    height: 10,
};

/// From this many columns on there are three panes.
pub const WIDE: u16 = 120;

/// Where everything stands. Empty rectangles are not drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Areas {
    /// The terminal is under [`SMALLEST`]: only `status` is there.
    pub tiny: bool,
    /// The status line.
    pub status: Rect,
    /// The line of tabs, when there are several.
    pub tabs: Rect,
    /// The scrubber.
    pub scrubber: Rect,
    /// The banner of a stream that is paused, or whose connection is lost; two lines.
    pub banner: Rect,
    /// The panes on the screen. The first line of each is its header, the rest its body.
    pub panes: Vec<(Pane, Rect)>,
    /// The upright line between left and right panes.
    pub divider: Rect,
    /// What is docked under the panes, its header included.
    pub dock: Rect,
    /// One line about the pane that is not on the screen (80×24).
    pub strip: Rect,
    /// The footer.
    pub footer: Rect,
}

impl Areas {
    /// The whole rectangle of a pane, header included; `None` when it is not on the screen.
    #[must_use]
    pub fn pane(&self, pane: Pane) -> Option<Rect> {
        self.panes.iter().find(|(p, _)| *p == pane).map(|(_, r)| *r)
    }

    /// The rectangle of a pane under its header.
    #[must_use]
    pub fn body(&self, pane: Pane) -> Option<Rect> {
        self.pane(pane).map(below_header)
    }

    /// Lines in a pane's body; 0 when it is not on the screen.
    #[must_use]
    pub fn lines(&self, pane: Pane) -> usize {
        self.body(pane).map_or(0, |r| r.height.into())
    }
}

fn below_header(pane: Rect) -> Rect {
    Rect {
        y: pane.y.saturating_add(1),
        height: pane.height.saturating_sub(1),
        ..pane
    }
}

/// What the layout depends on.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// The terminal.
    pub size: Size,
    /// The pane that keys go to; always on the screen.
    pub focus: Pane,
    /// The focused pane alone.
    pub zoom: bool,
    /// The lower right pane.
    pub third: Pane,
    /// The banner is shown.
    pub banner: bool,
    /// Something is docked under the panes.
    pub dock: bool,
    /// Several tabs are open.
    pub tabs: bool,
}

/// Places everything.
#[must_use]
pub fn layout(wish: Wish) -> Areas {
    let Size { width, height } = wish.size;
    if width < SMALLEST.width || height < SMALLEST.height {
        return Areas {
            tiny: true,
            status: Rect::new(0, 0, width, height.min(1)),
            ..Areas::default()
        };
    }
    let mut areas = Areas {
        status: Rect::new(0, 0, width, 1),
        footer: Rect::new(0, height - 1, width, 1),
        ..Areas::default()
    };
    let mut top = 1;
    if wish.tabs && height >= 14 {
        areas.tabs = Rect::new(0, top, width, 1);
        top += 1;
    }
    areas.scrubber = Rect::new(0, top, width, 1);
    top += 1;
    if wish.banner && height >= 16 {
        areas.banner = Rect::new(0, top, width, 2);
        top += 2;
    }
    let mut body = Rect::new(0, top, width, height - 1 - top);
    if wish.dock {
        // The panes keep a header and a few lines, or give way altogether.
        let above = match body.height {
            0..13 => 0,
            13..24 => body.height / 3 + 1,
            tall => tall / 2,
        };
        areas.dock = Rect {
            y: body.y + above,
            height: body.height - above,
            ..body
        };
        body.height = above;
        if above == 0 {
            return areas;
        }
    }
    if width < WIDE || wish.zoom {
        if !wish.zoom && !wish.dock {
            areas.strip = Rect::new(0, body.bottom() - 1, width, 1);
            body.height -= 1;
        }
        areas.panes = vec![(wish.focus, body)];
        return areas;
    }
    let left = body.width / 2 - 2;
    areas.divider = Rect::new(left, body.y, 1, body.height);
    let right = Rect::new(left + 1, body.y, body.width - left - 1, body.height);
    let upper = Rect {
        height: right.height.div_ceil(2),
        ..right
    };
    let lower = Rect {
        y: upper.bottom(),
        height: right.height - upper.height,
        ..right
    };
    let third = match wish.focus {
        Pane::Event | Pane::Source => wish.focus,
        Pane::Timeline | Pane::State => wish.third,
    };
    areas.panes = vec![
        (
            Pane::Timeline,
            Rect {
                width: left,
                ..body
            },
        ),
        (Pane::State, upper),
        (third, lower),
    ];
    areas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_the_terminal_at_any_size() {
        for width in 0..200 {
            for height in 0..60 {
                for focus in Pane::ALL {
                    for flags in 0..16 {
                        let areas = layout(Wish {
                            size: Size { width, height },
                            focus,
                            zoom: flags & 1 > 0,
                            third: Pane::Event,
                            banner: flags & 2 > 0,
                            dock: flags & 4 > 0,
                            tabs: flags & 8 > 0,
                        });
                        let screen = Rect::new(0, 0, width, height);
                        let mut all: Vec<Rect> = areas.panes.iter().map(|(_, r)| *r).collect();
                        all.extend([areas.status, areas.tabs, areas.scrubber, areas.banner]);
                        all.extend([areas.divider, areas.strip, areas.dock, areas.footer]);
                        all.retain(|r| !r.is_empty());
                        for (i, a) in all.iter().enumerate() {
                            assert_eq!(a.intersection(screen), *a, "{width}x{height}");
                            for b in &all[i + 1..] {
                                assert!(
                                    a.intersection(*b).is_empty(),
                                    "{width}x{height} {areas:?}"
                                );
                            }
                        }
                        let seen = areas.lines(focus) >= 2 || areas.dock.height >= 5;
                        assert!(areas.tiny || seen, "{width}x{height}");
                    }
                }
            }
        }
    }
}
