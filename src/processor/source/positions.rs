//! From positions in the code that runs back to the source as the person wrote it.

use crate::processor::program::{Module, Program, SPREAD_HELPER};
use oxc_sourcemap::{OwnedSourceMap, SourceMap};
use rustc_hash::FxHashMap;
use std::borrow::Cow;

/// The positions of one program, with its source maps decoded; worth keeping when many stacks are
/// to be mapped.
pub struct Positions {
    modules: FxHashMap<String, Decoded>,
}

struct Decoded {
    map: Option<OwnedSourceMap>,
    code: Vec<String>,
    original: Vec<String>,
}

impl Positions {
    /// Decodes the source maps of a program.
    #[must_use]
    pub fn new(program: &Program) -> Self {
        let modules = program
            .modules
            .iter()
            .map(|module| (module.name.clone(), Decoded::new(module)))
            .collect();
        Positions { modules }
    }

    /// The place in the source of a place in the code that runs. Lines and columns count from 1,
    /// columns in characters. `None` when the module or the place is not known.
    #[must_use]
    pub fn map_position(&self, module: &str, line: u32, column: u32) -> Option<(u32, u32)> {
        self.modules.get(module)?.map(line, column)
    }

    /// A stack (`at function (file:line:column)`, a line each) with the positions of the source.
    /// Frames of the native spread helper are left out; lines of another shape stay as they are.
    #[must_use]
    pub fn map_stack(&self, stack: &str) -> String {
        let mut mapped = String::with_capacity(stack.len());
        for line in stack.lines() {
            if line.contains(SPREAD_HELPER) {
                continue;
            }
            if !mapped.is_empty() {
                mapped.push('\n');
            }
            mapped.push_str(&self.map_line(line));
        }
        mapped
    }

    fn map_line<'l>(&self, line: &'l str) -> Cow<'l, str> {
        self.try_line(line).map_or(Cow::Borrowed(line), Cow::Owned)
    }

    fn try_line(&self, line: &str) -> Option<String> {
        let open = line.rfind('(')?;
        let place = line[open + 1..].strip_suffix(')')?;
        let mut parts = place.rsplitn(3, ':');
        let column = parts.next()?.parse().ok()?;
        let row = parts.next()?.parse().ok()?;
        let file = parts.next()?;
        let (row, column) = self.map_position(file, row, column)?;
        Some(format!("{}({file}:{row}:{column})", &line[..open]))
    }
}

impl Decoded {
    fn new(module: &Module) -> Self {
        // The lines are only needed where columns are not simply counted.
        let lines = |text: &str| text.split('\n').map(str::to_owned).collect();
        let map = module
            .source_map
            .as_deref()
            .and_then(|json| SourceMap::from_json_string(json).ok())
            .map(SourceMap::into_owned_sourcemap);
        Decoded {
            code: lines(&module.code),
            original: lines(&module.original),
            map,
        }
    }

    fn map(&self, line: u32, column: u32) -> Option<(u32, u32)> {
        let Some(map) = &self.map else {
            return Some((line, column));
        };
        let (line, column) = (line.checked_sub(1)?, column.checked_sub(1)?);
        let text = self.code.get(line as usize)?;
        let column = utf16_column(text, column);
        let table = map.generate_lookup_table();
        let token = map.lookup_token(&table, line, column).or_else(|| {
            // Before the line's first token: indentation, which belongs to it.
            table.get(line as usize)?.first().copied()
        })?;
        token.get_source_id()?;
        let source = self.original.get(token.get_src_line() as usize)?;
        Some((
            token.get_src_line() + 1,
            character_column(source, token.get_src_col()) + 1,
        ))
    }
}

/// Source maps count columns in UTF-16, engine and people in characters.
fn utf16_column(text: &str, characters: u32) -> u32 {
    let units = text
        .chars()
        .take(characters as usize)
        .map(char::len_utf16)
        .sum::<usize>();
    u32::try_from(units).unwrap_or(u32::MAX)
}

fn character_column(text: &str, units: u32) -> u32 {
    let mut left = units as usize;
    let mut characters = 0;
    for c in text.chars() {
        if left == 0 {
            break;
        }
        left = left.saturating_sub(c.len_utf16());
        characters += 1;
    }
    characters
}

/// The place in the source of a place in a module's code; see [`Positions::map_position`].
#[must_use]
pub fn map_position(module: &Module, line: u32, column: u32) -> Option<(String, u32, u32)> {
    Decoded::new(module)
        .map(line, column)
        .map(|(line, column)| (module.name.clone(), line, column))
}

/// A stack with the positions of the source; see [`Positions::map_stack`].
#[must_use]
pub fn map_stack(program: &Program, stack: &str) -> String {
    Positions::new(program).map_stack(stack)
}

/// A stack whose frames in `module` are led back to the files that a bundler made `code` of, by its
/// source map (JSON, version 3). Frames that it does not know stay.
#[must_use]
pub fn map_bundle(stack: &str, module: &str, code: &str, map: &str) -> String {
    let Ok(map) = SourceMap::from_json_string(map) else {
        return stack.to_owned();
    };
    let table = map.generate_lookup_table();
    let place = |row: &str, column: &str| {
        let (row, column) = (row.parse::<u32>().ok()?, column.parse::<u32>().ok()?);
        let line = code.lines().nth(row.checked_sub(1)? as usize)?;
        let column = utf16_column(line, column.checked_sub(1)?);
        let token = map.lookup_source_view_token(&table, row - 1, column)?;
        let (row, column) = (token.get_src_line(), token.get_src_col());
        let text = token
            .get_source_content()
            .and_then(|text| text.lines().nth(row as usize));
        let column = text.map_or(column, |text| character_column(text, column));
        Some(format!(
            "{}:{}:{}",
            token.get_source()?,
            row + 1,
            column + 1
        ))
    };
    let mapped = stack.lines().map(|line| {
        let (before, rest) = line.split_once(&format!("({module}:"))?;
        let (row, column) = rest.strip_suffix(')')?.split_once(':')?;
        Some(format!("{before}({})", place(row, column)?))
    });
    let lines = stack.lines().zip(mapped);
    let lines: Vec<String> = lines
        .map(|(line, mapped)| mapped.unwrap_or_else(|| line.to_owned()))
        .collect();
    lines.join("\n")
}
