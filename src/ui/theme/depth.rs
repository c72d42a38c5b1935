//! How many colours the terminal has, and the nearest colour it can show.

use ratatui::style::{Color, Style};

/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// No colour; only weight, underline and reverse.
    Mono,
    /// The 16 ANSI colours.
    Ansi,
    /// The 256 indexed colours.
    Indexed,
    /// 24 bits.
    True,
}

impl Depth {
    /// Reads `NO_COLOR`, `COLORTERM` and `TERM` through `env`.
    #[must_use]
    pub fn detect(env: impl Fn(&str) -> Option<String>) -> Depth {
        let get = |name| env(name).unwrap_or_default();
        let term = get("TERM");
        if !get("NO_COLOR").is_empty() || term == "dumb" {
            return Depth::Mono;
        }
        match get("COLORTERM").as_str() {
            "truecolor" | "24bit" => Depth::True,
            _ if term.contains("direct") || term.contains("kitty") => Depth::True,
            _ if term.contains("256") => Depth::Indexed,
            _ => Depth::Ansi,
        }
    }

    /// The style with its colours replaced by ones that can be shown.
    ///
    /// In [`Depth::Mono`] only [`Color::Reset`] is left: crossterm writes a full style reset for
    /// any other colour under `NO_COLOR`, which would wipe bold and reverse.
    #[must_use]
    pub fn fit(self, style: Style) -> Style {
        Style {
            fg: style.fg.map(|c| self.fit_color(c)),
            bg: style.bg.map(|c| self.fit_color(c)),
            ..style
        }
    }

    fn fit_color(self, color: Color) -> Color {
        match (self, color) {
            (Depth::Mono, _) => Color::Reset,
            (Depth::Indexed, Color::Rgb(r, g, b)) => Color::Indexed(nearest_indexed(r, g, b)),
            (Depth::Ansi, Color::Rgb(r, g, b)) => nearest_ansi(r, g, b),
            (Depth::Ansi, Color::Indexed(i)) if i >= 16 => {
                let (r, g, b) = indexed_rgb(i);
                nearest_ansi(r, g, b)
            }
            (_, color) => color,
        }
    }
}

/// True when the terminal's locale is known not to take UTF-8, read through `env`. An environment
/// that says nothing is taken to be a modern one.
#[must_use]
pub fn needs_ascii(env: impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(&env)
        .find(|v| !v.is_empty());
    match locale {
        Some(locale) => {
            let locale = locale.to_ascii_lowercase();
            !(locale.contains("utf-8") || locale.contains("utf8"))
        }
        None => env("TERM").is_some_and(|t| t == "dumb" || t.starts_with("vt")),
    }
}

/// Levels of the 6×6×6 cube.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The sixteen as xterm paints them, in index order.
const ANSI: [(Color, (u8, u8, u8)); 16] = [
    (Color::Black, (0, 0, 0)),
    (Color::Red, (205, 0, 0)),
    (Color::Green, (0, 205, 0)),
    (Color::Yellow, (205, 205, 0)),
    (Color::Blue, (0, 0, 238)),
    (Color::Magenta, (205, 0, 205)),
    (Color::Cyan, (0, 205, 205)),
    (Color::Gray, (229, 229, 229)),
    (Color::DarkGray, (127, 127, 127)),
    (Color::LightRed, (255, 0, 0)),
    (Color::LightGreen, (0, 255, 0)),
    (Color::LightYellow, (255, 255, 0)),
    (Color::LightBlue, (92, 92, 255)),
    (Color::LightMagenta, (255, 0, 255)),
    (Color::LightCyan, (0, 255, 255)),
    (Color::White, (255, 255, 255)),
];

fn indexed_rgb(index: u8) -> (u8, u8, u8) {
    match index {
        0..=15 => ANSI[usize::from(index)].1,
        16..=231 => {
            let i = usize::from(index - 16);
            (CUBE[i / 36], CUBE[i / 6 % 6], CUBE[i % 6])
        }
        _ => {
            let grey = 8 + (index - 232) * 10;
            (grey, grey, grey)
        }
    }
}

fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let d = |x: u8, y: u8| u32::from(x.abs_diff(y)).pow(2);
    // Weighted as the eye does it.
    2 * d(a.0, b.0) + 4 * d(a.1, b.1) + 3 * d(a.2, b.2)
}

fn nearest_indexed(r: u8, g: u8, b: u8) -> u8 {
    // The first sixteen are the person's own and may look like anything.
    (16..=255)
        .min_by_key(|&i| distance(indexed_rgb(i), (r, g, b)))
        .unwrap_or(15)
}

fn nearest_ansi(r: u8, g: u8, b: u8) -> Color {
    ANSI.iter()
        .min_by_key(|(_, rgb)| distance(*rgb, (r, g, b)))
        .map_or(Color::Reset, |(color, _)| *color)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| {
            pairs
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, v)| (*v).to_owned())
        }
    }

    #[test]
    fn depth_is_read_from_the_environment() {
        let of = |pairs: &[(&str, &str)]| Depth::detect(env(pairs));
        assert_eq!(of(&[("TERM", "xterm-256color")]), Depth::Indexed);
        assert_eq!(
            of(&[("TERM", "xterm"), ("COLORTERM", "24bit")]),
            Depth::True
        );
        assert_eq!(of(&[("TERM", "linux")]), Depth::Ansi);
        assert_eq!(
            of(&[("COLORTERM", "truecolor"), ("NO_COLOR", "1")]),
            Depth::Mono
        );
        assert_eq!(of(&[("TERM", "linux"), ("NO_COLOR", "")]), Depth::Ansi);
    }

    #[test]
    fn only_a_locale_known_to_be_plain_asks_for_ascii() {
        assert!(needs_ascii(env(&[("LANG", "C")])));
        assert!(needs_ascii(env(&[
            ("LC_ALL", "POSIX"),
            ("LANG", "en_US.UTF-8")
        ])));
        assert!(!needs_ascii(env(&[("LC_ALL", ""), ("LANG", "de_DE.utf8")])));
        assert!(!needs_ascii(env(&[("TERM", "xterm")])));
    }

    #[test]
    fn colours_go_to_their_nearest() {
        let style = Style::new()
            .fg(Color::Rgb(255, 0, 0))
            .bg(Color::Indexed(231));
        let fitted = Depth::Ansi.fit(style);
        assert_eq!(fitted.fg, Some(Color::LightRed));
        assert_eq!(fitted.bg, Some(Color::White));
        assert_eq!(Depth::Indexed.fit(style).fg, Some(Color::Indexed(196)));
        assert_eq!(Depth::True.fit(style), style);
        assert_eq!(Depth::Mono.fit(style).fg, Some(Color::Reset));
        for i in 16..=255 {
            let (r, g, b) = indexed_rgb(i);
            assert_eq!(indexed_rgb(nearest_indexed(r, g, b)), (r, g, b));
        }
    }
}
