//! The time of an event, read from its tape: where the reducer's clock stands.

use crate::model::event::Millis;
use crate::processor::json::tape::{Interner, Span, Tape, Token};

/// Knows the key's number.
pub struct Reader {
    created_at: Option<u32>,
}

impl Reader {
    /// Numbers the key in `interner`.
    pub fn new(interner: &mut Interner) -> Reader {
        Reader {
            created_at: interner.number(b"createdAt"),
        }
    }

    /// `createdAt` in milliseconds since 1970; 0 when the event has none that can be read, so that the
    /// clock never depends on another event.
    pub fn millis(&mut self, tape: &Tape) -> i64 {
        let mut depth = 0;
        for pair in tape.tokens.windows(2) {
            match pair[0] {
                Token::OpenArray | Token::OpenObject => depth += 1,
                Token::Close => depth -= 1,
                Token::Key(id) if depth == 1 && Some(id) == self.created_at => {
                    if let Token::Str(Span::Source(from, to)) = pair[1]
                        && let Ok(text) =
                            std::str::from_utf8(&tape.source[from as usize..to as usize])
                    {
                        return Millis::parse(text).map_or(0, |millis| millis.0);
                    }
                    return 0;
                }
                _ => {}
            }
        }
        0
    }
}
