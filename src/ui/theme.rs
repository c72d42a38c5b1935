//! What colours mean: a closed set of roles, each with a style, and the glyphs to go with them.

pub mod depth;
pub mod file;

use depth::Depth;
use ratatui::style::{Modifier, Style};

/// A meaning that a theme gives a style to. These are all a theme file may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Role {
    /// Ordinary text; its background is the screen's.
    Text,
    /// Text of the second weight.
    Dim,
    /// The one accent: titles of the focused pane, keys, the playhead.
    Accent,
    /// The row under the cursor, matches of a search.
    Selection,
    /// A value that was not there before.
    Added,
    /// A value that is gone.
    Removed,
    /// A value that is another one now.
    Changed,
    /// A person's words.
    User,
    /// The agent's words.
    Agent,
    /// Tools and their results.
    Tool,
    /// Failures.
    Error,
    /// A paused stream.
    Paused,
    /// At the live edge.
    Live,
    /// In the past.
    Rewound,
    /// In a branch that never was.
    Whatif,
    /// Lines between panes.
    Border,
}

impl Role {
    /// Every role, in the order of their discriminants.
    pub const ALL: [Role; 16] = [
        Role::Text,
        Role::Dim,
        Role::Accent,
        Role::Selection,
        Role::Added,
        Role::Removed,
        Role::Changed,
        Role::User,
        Role::Agent,
        Role::Tool,
        Role::Error,
        Role::Paused,
        Role::Live,
        Role::Rewound,
        Role::Whatif,
        Role::Border,
    ];

    /// Its key in a theme file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Role::Text => "text",
            Role::Dim => "dim",
            Role::Accent => "accent",
            Role::Selection => "selection",
            Role::Added => "added",
            Role::Removed => "removed",
            Role::Changed => "changed",
            Role::User => "user",
            Role::Agent => "agent",
            Role::Tool => "tool",
            Role::Error => "error",
            Role::Paused => "paused",
            Role::Live => "live",
            Role::Rewound => "rewound",
            Role::Whatif => "whatif",
            Role::Border => "border",
        }
    }

    /// The role with this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|r| r.name() == name)
    }

    /// Whose style it takes when a theme does not set it, and what is added to that.
    fn fallback(self) -> Option<(Role, Modifier)> {
        let plain = Modifier::empty();
        Some(match self {
            Role::Text => return None,
            Role::Dim => (Role::Text, Modifier::DIM),
            Role::Accent => (Role::Text, Modifier::BOLD),
            Role::Selection => (Role::Text, Modifier::REVERSED),
            Role::Added | Role::Changed => (Role::Accent, plain),
            Role::Removed => (Role::Error, plain),
            Role::User => (Role::Accent, Modifier::BOLD),
            Role::Agent | Role::Tool => (Role::Text, plain),
            Role::Error => (Role::Accent, Modifier::BOLD),
            Role::Paused => (Role::Error, plain),
            Role::Live => (Role::Accent, plain),
            Role::Rewound => (Role::Changed, Modifier::BOLD),
            Role::Whatif => (Role::Rewound, Modifier::ITALIC),
            Role::Border => (Role::Dim, plain),
        })
    }
}

/// A style for every role, fitted to what the terminal can show.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    /// How the person calls it.
    pub name: String,
    /// Only ASCII may be written: glyphs and lines have their plain form, other characters `?`.
    pub ascii: bool,
    styles: [Style; 16],
}

impl Theme {
    /// Fits a theme file to a terminal. Without colours ([`Depth::Mono`]) every theme becomes the
    /// built-in `mono`, so that weight still says what colour would have.
    #[must_use]
    pub fn new(definition: &file::Definition, depth: Depth, ascii: bool) -> Theme {
        let mono;
        let source = if depth == Depth::Mono {
            mono = file::mono();
            &mono
        } else {
            definition
        };
        Theme {
            name: definition.name.clone(),
            ascii,
            styles: Role::ALL.map(|role| depth.fit(resolve(source, role))),
        }
    }

    /// The style of a role.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }
}

fn resolve(definition: &file::Definition, role: Role) -> Style {
    match (definition.get(role), role.fallback()) {
        (Some(style), _) => style,
        (None, Some((to, added))) => resolve(definition, to).add_modifier(added),
        (None, None) => Style::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Color;

    #[test]
    fn five_lines_are_a_theme_and_the_rest_falls_back() {
        let text = "text = \"white\"\naccent = \"green\"\nerror = \"bold red\"\n\
                    changed = \"#ff8800\"\ndim = \"8\"\n";
        let parsed = file::parse("mine", "mine.toml", text).unwrap();
        assert_eq!(parsed.warnings, Vec::<String>::new());
        let theme = Theme::new(&parsed.definition, Depth::True, false);
        assert_eq!(theme.style(Role::Added).fg, Some(Color::Green));
        assert_eq!(
            theme.style(Role::Paused),
            theme.style(Role::Error),
            "a pause looks like an error until a theme says otherwise"
        );
        assert_eq!(theme.style(Role::Border).fg, Some(Color::Indexed(8)));
        assert_eq!(theme.style(Role::Rewound).fg, Some(Color::Rgb(255, 136, 0)));
        assert!(
            theme
                .style(Role::Whatif)
                .add_modifier
                .contains(Modifier::ITALIC)
        );
    }

    #[test]
    fn without_colour_no_theme_has_any_but_weight_stays() {
        for definition in file::builtin() {
            let theme = Theme::new(&definition, Depth::Mono, false);
            for role in Role::ALL {
                let style = theme.style(role);
                assert!(matches!(style.fg, None | Some(Color::Reset)), "{role:?}");
                assert!(matches!(style.bg, None | Some(Color::Reset)), "{role:?}");
            }
            let error = theme.style(Role::Error).add_modifier;
            assert!(error.contains(Modifier::BOLD), "{}", definition.name);
            let selection = theme.style(Role::Selection).add_modifier;
            assert!(selection.contains(Modifier::REVERSED));
        }
    }
}
