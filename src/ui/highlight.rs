//! Source text in colours. Slow to start (the first line costs tens of milliseconds), so it is
//! made and used off the drawing thread.

use crate::app::msg::{Token, TokenClass, Tokens};
use std::str::FromStr;
use std::sync::OnceLock;
use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxSet};

/// Files larger than this stay plain.
const LARGEST: usize = 1 << 20;

fn syntaxes() -> &'static SyntaxSet {
    static SYNTAXES: OnceLock<SyntaxSet> = OnceLock::new();
    SYNTAXES.get_or_init(two_face::syntax::extra_no_newlines)
}

/// The tokens of a file; its name tells the language, JavaScript when it does not. One list a
/// line, empty for lines that cannot be told.
#[must_use]
pub fn tokens(name: &str, text: &str) -> Tokens {
    let extension = name.rsplit('.').next().unwrap_or_default();
    // TypeScript's grammar reads JavaScript too, and is the better one.
    let extension = match extension {
        "json" | "tsx" | "jsx" => extension,
        _ => "ts",
    };
    let set = syntaxes();
    let syntax = set
        .find_syntax_by_extension(extension)
        .or_else(|| set.find_syntax_by_extension("js"))
        .filter(|_| text.len() <= LARGEST);
    let Some(syntax) = syntax else {
        return text.lines().map(|_| Vec::new()).collect();
    };
    let classes = Classes::new();
    let mut state = ParseState::new(syntax);
    let mut stack = ScopeStack::new();
    text.lines()
        .map(|line| {
            let mut tokens: Vec<Token> = Vec::new();
            let Ok(changes) = state.parse_line(line, set) else {
                return tokens;
            };
            let mut at = 0;
            let mut add = |until: usize, stack: &ScopeStack| {
                let class = classes.of(stack);
                if until > at && class != TokenClass::Plain {
                    match tokens.last_mut() {
                        Some(last) if last.class == class && last.range.end == at => {
                            last.range.end = until;
                        }
                        _ => tokens.push(Token {
                            range: at..until,
                            class,
                        }),
                    }
                }
                at = until.max(at);
            };
            for (place, change) in changes {
                add(place, &stack);
                if stack.apply(&change).is_err() {
                    stack = ScopeStack::new();
                }
            }
            add(line.len(), &stack);
            tokens
        })
        .collect()
}

/// Scopes of the grammars and what they mean here; the innermost that means something counts.
struct Classes(Vec<(Scope, TokenClass)>);

impl Classes {
    fn new() -> Self {
        let table = [
            ("comment", TokenClass::Comment),
            ("meta.template.expression", TokenClass::Plain),
            ("string", TokenClass::String),
            ("constant", TokenClass::Number),
            ("entity.name.function", TokenClass::Function),
            ("support.function", TokenClass::Function),
            ("variable.function", TokenClass::Function),
            ("entity.name", TokenClass::Type),
            ("support.type", TokenClass::Type),
            ("support.class", TokenClass::Type),
            ("keyword.operator.expression", TokenClass::Keyword),
            ("keyword.operator.new", TokenClass::Keyword),
            ("keyword.operator", TokenClass::Plain),
            ("keyword", TokenClass::Keyword),
            ("storage", TokenClass::Keyword),
            ("variable.language", TokenClass::Keyword),
        ];
        Self(
            table
                .into_iter()
                .filter_map(|(name, class)| Some((Scope::from_str(name).ok()?, class)))
                .collect(),
        )
    }

    fn of(&self, stack: &ScopeStack) -> TokenClass {
        stack
            .as_slice()
            .iter()
            .rev()
            .find_map(|scope| {
                self.0
                    .iter()
                    .find(|(prefix, _)| prefix.is_prefix_of(*scope))
            })
            .map_or(TokenClass::Plain, |(_, class)| *class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typescript_has_its_words_told_apart() {
        let text =
            "// why\nexport const n: number = 42; // x\nfunction f(a: string) { return `q${a}`; }";
        let tokens = tokens("agent.ts", text);
        let lines: Vec<&str> = text.lines().collect();
        let of = |line: usize, word: &str| {
            tokens[line]
                .iter()
                .find(|t| lines[line][t.range.clone()].contains(word))
                .map(|t| t.class)
        };
        assert_eq!(tokens.len(), 3);
        assert_eq!(of(0, "why"), Some(TokenClass::Comment));
        assert_eq!(of(1, "const"), Some(TokenClass::Keyword));
        assert_eq!(of(1, "42"), Some(TokenClass::Number));
        assert_eq!(of(1, "// x"), Some(TokenClass::Comment));
        assert_eq!(of(2, "return"), Some(TokenClass::Keyword));
        assert_eq!(of(2, "q"), Some(TokenClass::String));
    }
}
