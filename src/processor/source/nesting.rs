//! The stack that compiling a source may need, told without parsing it: the compiler's passes call
//! themselves once per level of nesting, and a source may come from anyone's log.

/// Stack that is always there. It is only reserved; what is not used costs nothing.
pub const STACK: usize = 512 << 20;
/// The most that is reserved for a source that needs more.
const MOST_STACK: usize = 4 << 30;
/// The hungriest syntax takes less for a level, in all passes and without optimisation.
const PER_LEVEL: usize = 8 << 10;

/// Words that nest what follows them without any bracket or operator.
const NESTING_WORDS: [&[u8]; 17] = [
    b"typeof",
    b"void",
    b"delete",
    b"await",
    b"yield",
    b"new",
    b"else",
    b"do",
    b"in",
    b"of",
    b"instanceof",
    b"as",
    b"satisfies",
    b"extends",
    b"keyof",
    b"readonly",
    b"infer",
];

/// The stack for `text`; an error tells that it is more than there may be. No source nests deeper than
/// it has operators, brackets and such words, wherever they stand.
pub fn stack_for(text: &str) -> Result<usize, String> {
    let most_levels = MOST_STACK / PER_LEVEL;
    // Too short to matter: most sources.
    if text.len() <= STACK / PER_LEVEL {
        return Ok(STACK);
    }
    let levels = levels(text.as_bytes());
    if levels <= most_levels {
        return Ok(STACK.max(levels * PER_LEVEL));
    }
    Err(format!(
        "has {levels} operators and brackets, more than the {most_levels} that can be compiled safely whatever their nesting; split it into modules, or leave out what replay does not need"
    ))
}

/// No source of these bytes nests deeper.
fn levels(text: &[u8]) -> usize {
    let mut levels = 0;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if is_word(byte) {
            let end = text[at..].iter().position(|b| !is_word(*b));
            let end = end.map_or(text.len(), |n| at + n);
            levels += usize::from(NESTING_WORDS.contains(&&text[at..end]));
            at = end;
        } else {
            let nests = !byte.is_ascii_whitespace() && !matches!(byte, b';' | b',' | b'}' | b']');
            levels += usize::from(nests);
            at += 1;
        }
    }
    levels
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}
