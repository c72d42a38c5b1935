//! Several streams open at once: one in view, the others parked with everything that was on their
//! screen. What belongs to the session (the service, the composer, messages) moves with the view.

use super::state::App;

/// The tabs beside the one in view.
#[derive(Default)]
pub struct Tabs {
    /// Numbers of all tabs, the one in view among them, in the order of their opening.
    order: Vec<u64>,
    parked: Vec<Parked>,
    /// The last number given.
    last: u64,
}

struct Parked {
    app: App,
    /// Events it had when it was left.
    seen: usize,
}

/// What the line of tabs says of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TabLabel {
    /// Its number.
    pub id: u64,
    /// The stream, or the log.
    pub name: String,
    /// Events that came since it was left.
    pub new: usize,
    /// The stream is paused.
    pub paused: bool,
    /// It is in view.
    pub in_view: bool,
}

impl App {
    /// How many tabs are open.
    #[must_use]
    pub fn tab_count(&self) -> usize {
        self.tabs.parked.len() + 1
    }

    /// What there is to say of each tab, in order.
    #[must_use]
    pub fn tab_labels(&self) -> Vec<TabLabel> {
        let label = |app: &App, seen: usize, in_view: bool| TabLabel {
            id: app.tab,
            name: name_of(app),
            new: app.len().saturating_sub(seen),
            paused: app.paused_at_the_end(),
            in_view,
        };
        let order = self.tabs.order.iter();
        let mut labels: Vec<TabLabel> = order
            .filter_map(|id| {
                if *id == self.tab {
                    return Some(label(self, usize::MAX, true));
                }
                let parked = self.tabs.parked.iter().find(|p| p.app.tab == *id)?;
                Some(label(&parked.app, parked.seen, false))
            })
            .collect();
        if labels.is_empty() {
            labels.push(label(self, usize::MAX, true));
        }
        labels
    }

    /// The tab that shows a stream of the service.
    #[must_use]
    pub fn tab_of(&self, path: &str) -> Option<u64> {
        let shows = |app: &App| {
            app.log
                .as_ref()
                .is_some_and(|l| l.stream.as_deref() == Some(path))
        };
        if shows(self) {
            return Some(self.tab);
        }
        let parked = self.tabs.parked.iter().find(|p| shows(&p.app));
        parked.map(|p| p.app.tab)
    }

    /// The tab before or after the one in view, going round.
    #[must_use]
    pub fn tab_towards(&self, forward: bool) -> u64 {
        let order = &self.tabs.order;
        let at = order.iter().position(|id| *id == self.tab).unwrap_or(0);
        let by = if forward {
            1
        } else {
            order.len().saturating_sub(1)
        };
        order
            .get((at + by) % order.len().max(1))
            .copied()
            .unwrap_or(self.tab)
    }

    /// Parks the tab in view and puts an empty one in its place.
    pub(super) fn open_tab(&mut self) {
        if self.tabs.order.is_empty() {
            self.tabs.order.push(self.tab);
            self.tabs.last = self.tab;
        }
        self.tabs.last += 1;
        let mut fresh = App::new(self.size, self.settings.clone());
        fresh.tab = self.tabs.last;
        self.tabs.order.push(fresh.tab);
        self.park(fresh);
    }

    /// Brings a parked tab into view; `false` when there is none with this number.
    pub(super) fn switch_tab(&mut self, id: u64) -> bool {
        let Some(at) = self.tabs.parked.iter().position(|p| p.app.tab == id) else {
            return false;
        };
        let parked = self.tabs.parked.remove(at);
        self.park(parked.app);
        true
    }

    /// Closes the tab in view and shows the one before it; gives the closed one's number. `None`
    /// when it is the only one.
    pub(super) fn close_tab(&mut self) -> Option<u64> {
        let closed = self.tab;
        let next = self.tab_towards(false);
        if next == closed || !self.switch_tab(next) {
            return None;
        }
        self.tabs.parked.retain(|p| p.app.tab != closed);
        self.tabs.order.retain(|id| *id != closed);
        Some(closed)
    }

    /// A parked tab's screen, to be told what happened there.
    pub(super) fn parked_mut(&mut self, id: u64) -> Option<&mut App> {
        let parked = self.tabs.parked.iter_mut();
        parked.map(|p| &mut p.app).find(|app| app.tab == id)
    }

    /// Puts another screen in the place of the one in view, which is parked.
    fn park(&mut self, next: App) {
        let mut left = std::mem::replace(self, next);
        self.size = left.size;
        self.settings = left.settings.clone();
        self.service = left.service.take();
        self.composer = std::mem::take(&mut left.composer);
        self.recordings = std::mem::take(&mut left.recordings);
        self.history = std::mem::take(&mut left.history);
        self.toasts = std::mem::take(&mut left.toasts);
        self.tabs = std::mem::take(&mut left.tabs);
        self.speed = left.speed;
        // Requests are told apart by their numbers, whichever tab they are of.
        self.last_id = self.last_id.max(left.last_id);
        left.layers.clear();
        left.play = None;
        let seen = left.len();
        self.tabs.parked.push(Parked { app: left, seen });
        self.lay_out();
    }
}

fn name_of(app: &App) -> String {
    match &app.log {
        Some(view) => view.stream.clone().unwrap_or_else(|| view.name.clone()),
        None => "…".to_owned(),
    }
}
