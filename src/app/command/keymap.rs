//! Keys to verbs, as data: the table's defaults, changed by the person's configuration.

use super::{COMMANDS, Verb};
use crate::app::key::Key;

/// Keys to verbs.
#[derive(Clone, Debug, PartialEq)]
pub struct Keymap(Vec<(Key, Verb)>);

impl Default for Keymap {
    fn default() -> Self {
        let mut bindings = Vec::new();
        for command in COMMANDS {
            for key in command.keys {
                // A test holds all default keys to be readable and without doubles.
                bindings.extend(key.parse().map(|key| (key, command.verb)));
            }
        }
        Self(bindings)
    }
}

impl Keymap {
    /// The defaults with changes on top: the command's name and the keys it has now (none: it has
    /// no key any more). A key that was another command's is taken from it. Also gives one
    /// sentence for each name or key that cannot be used; those change nothing.
    #[must_use]
    pub fn with<'a>(
        changes: impl IntoIterator<Item = (&'a str, Vec<&'a str>)>,
    ) -> (Keymap, Vec<String>) {
        let mut map = Keymap::default();
        let mut warnings = Vec::new();
        for (name, keys) in changes {
            let Some(command) = COMMANDS.iter().find(|c| c.name == name) else {
                warnings.push(format!(
                    "no command is named {name:?}; `?` on the screen lists them all"
                ));
                continue;
            };
            map.0.retain(|(_, verb)| *verb != command.verb);
            for text in keys {
                match text.parse::<Key>() {
                    Ok(key) => {
                        map.0.retain(|(k, _)| *k != key);
                        map.0.push((key, command.verb));
                    }
                    Err(error) => warnings.push(format!("{name}: {error}")),
                }
            }
        }
        (map, warnings)
    }

    /// What a key does.
    #[must_use]
    pub fn verb(&self, key: Key) -> Option<Verb> {
        self.0.iter().find(|(k, _)| *k == key).map(|(_, v)| *v)
    }

    /// The keys of a verb, the foremost first.
    pub fn keys(&self, verb: Verb) -> impl Iterator<Item = Key> + '_ {
        self.0
            .iter()
            .filter(move |(_, v)| *v == verb)
            .map(|(k, _)| *k)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_default_key_is_readable_and_has_one_meaning() {
        let mut seen = HashSet::new();
        let mut names = HashSet::new();
        for command in COMMANDS {
            assert!(names.insert(command.name), "{} twice", command.name);
            assert_eq!(command.verb.command().name, command.name);
            for key in command.keys {
                let key: Key = key.parse().unwrap();
                assert!(seen.insert(key), "{key} means two things");
            }
        }
        assert_eq!(Keymap::default().0.len(), seen.len());
    }

    #[test]
    fn a_key_can_be_given_to_another_command() {
        let (map, warnings) = Keymap::with([("quit", vec!["j", "ctrl-q"]), ("up", vec![])]);
        assert_eq!(warnings, [""; 0]);
        assert_eq!(map.verb("j".parse().unwrap()), Some(Verb::Quit));
        assert_eq!(map.verb("q".parse().unwrap()), None);
        assert_eq!(map.verb("down".parse().unwrap()), Some(Verb::Down));
        assert_eq!(map.keys(Verb::Up).count(), 0);
    }

    #[test]
    fn unknown_names_and_keys_are_told() {
        let (map, warnings) = Keymap::with([("fly", vec!["j"]), ("down", vec!["hyper-x", "x"])]);
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[0].contains("fly") && warnings[1].contains("hyper-x"));
        assert_eq!(map.verb("x".parse().unwrap()), Some(Verb::Down));
    }
}
