//! The functions of the prompt whose work can be more than their arguments are long, in place of SQLite's own.
//!
//! One call of those is one step, in which SQLite does not ask whether to go on. Ours ask the watch themselves, and
//! search in time that grows with the text (`text.rs`). They answer as SQLite's do, which a test compares; but for times, which
//! are written as the views do (`times.rs`).

use super::brake::Brake;
use super::text::{Ends, Finder, Pattern, Steps, replace, trim};
use super::times;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Error, ffi};
use std::borrow::Cow;
use std::sync::Arc;
use vestry_protocol::limits::CELL_BYTES_MAX;

/// A pattern in bytes, as SQLite bounds its own: a text is compared with each piece of it at worst.
const PATTERN_BYTES_MAX: usize = 256;

/// What SQLite calls a function with.
struct Call<'c, 'a> {
    context: &'c Context<'a>,
    brake: &'c Brake,
}

type Answer = Result<Value, Error>;

type Function = fn(&Call<'_, '_>) -> Answer;

/// Each function by its name and the number of its arguments.
const OURS: &[(&str, i32, Function)] = &[
    ("instr", 2, instr),
    ("replace", 3, replaced),
    ("trim", 1, |call| trimmed(call, Ends::Both)),
    ("trim", 2, |call| trimmed(call, Ends::Both)),
    ("ltrim", 1, |call| trimmed(call, Ends::Left)),
    ("ltrim", 2, |call| trimmed(call, Ends::Left)),
    ("rtrim", 1, |call| trimmed(call, Ends::Right)),
    ("rtrim", 2, |call| trimmed(call, Ends::Right)),
    ("like", 2, like),
    ("like", 3, like_with_escape),
    ("glob", 2, glob),
    ("datetime", -1, datetime),
    ("current_timestamp", 0, |_| with_sqlite(|sqlite| times::datetime(sqlite, &[]))),
];

/// Puts ours in the place of SQLite's.
pub(super) fn replace_slow_ones(connection: &Connection, brake: &Brake) -> rusqlite::Result<()> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    for (name, arguments, function) in OURS {
        let brake = brake.clone();
        connection.create_scalar_function(*name, *arguments, flags, move |context| {
            // Every byte of an argument is looked at a few times.
            let bytes = (0..context.len()).map(|place| match context.get_raw(place) {
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
                ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => 0,
            });
            brake.spend(bytes.sum())?;
            function(&Call { context, brake: &brake })
        })?;
    }
    Ok(())
}

impl Call<'_, '_> {
    /// An argument as text, as SQLite shows its value; `None` for NULL.
    fn text(&self, place: usize) -> Result<Option<Cow<'_, str>>, Error> {
        Ok(match self.context.get_raw(place) {
            ValueRef::Null => None,
            ValueRef::Integer(number) => Some(number.to_string().into()),
            // In SQLite's own spelling, which takes 17 digits where they are needed.
            ValueRef::Real(number) => with_sqlite(|sqlite| {
                sqlite.query_row("select cast(?1 as text)", [number], |row| row.get::<_, Option<String>>(0))
            })?
            .map(Cow::Owned),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes)),
        })
    }

    fn texts<const N: usize>(&self) -> Result<Option<[Cow<'_, str>; N]>, Error> {
        let mut texts = [const { Cow::Borrowed("") }; N];
        for (place, slot) in texts.iter_mut().enumerate() {
            match self.text(place)? {
                Some(text) => *slot = text,
                None => return Ok(None),
            }
        }
        Ok(Some(texts))
    }

    /// A pattern that is the same for every row is read once.
    fn pattern(&self, read: fn(&str) -> Pattern) -> Result<Arc<Pattern>, Error> {
        if let Some(known) = self.context.get_aux::<Pattern>(0)? {
            return Ok(known);
        }
        let text = self.text(0)?.unwrap_or_default();
        require_short(&text)?;
        self.context.set_aux(0, read(&text))
    }
}

/// Asks SQLite's own functions, by a connection of this thread that has no other.
fn with_sqlite<T>(ask: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
    thread_local! {
        static SQLITE: Result<Connection, Error> = Connection::open_in_memory();
    }
    SQLITE.with(|sqlite| match sqlite {
        Ok(sqlite) => ask(sqlite),
        Err(_) => Err(failure(ffi::SQLITE_NOMEM)),
    })
}

fn datetime(call: &Call<'_, '_>) -> Answer {
    let texts = (0..call.context.len()).map(|place| Ok(call.text(place)?.map(Cow::into_owned)));
    let arguments: Vec<Option<String>> = texts.collect::<Result<_, Error>>()?;
    with_sqlite(|sqlite| times::datetime(sqlite, &arguments))
}

fn failure(code: i32) -> Error {
    Error::SqliteFailure(ffi::Error::new(code), None)
}

fn require_short(pattern: &str) -> Result<(), Error> {
    match pattern.len() > PATTERN_BYTES_MAX {
        true => Err(Error::UserFunctionError("LIKE or GLOB pattern too complex".into())),
        false => Ok(()),
    }
}

fn instr(call: &Call<'_, '_>) -> Answer {
    let position =
        |found: Option<usize>| Value::Integer(found.and_then(|at| i64::try_from(at + 1).ok()).unwrap_or(0));
    if let (ValueRef::Blob(hay), ValueRef::Blob(needle)) = (call.context.get_raw(0), call.context.get_raw(1))
    {
        let found = if needle.is_empty() { Some(0) } else { Finder::new(needle).find(hay) };
        return Ok(position(found));
    }
    let Some([hay, needle]) = call.texts()? else { return Ok(Value::Null) };
    if needle.is_empty() {
        return Ok(Value::Integer(1));
    }
    let found = Finder::new(needle.as_bytes()).find(hay.as_bytes());
    Ok(position(found.and_then(|at| hay.get(..at)).map(|before| before.chars().count())))
}

fn replaced(call: &Call<'_, '_>) -> Answer {
    let Some([text, from]) = call.texts()? else { return Ok(Value::Null) };
    if from.is_empty() {
        return Ok(Value::Text(text.into_owned()));
    }
    let Some(to) = call.text(2)? else { return Ok(Value::Null) };
    replace(&text, &from, &to, CELL_BYTES_MAX).map(Value::Text).ok_or_else(|| failure(ffi::SQLITE_TOOBIG))
}

fn trimmed(call: &Call<'_, '_>, ends: Ends) -> Answer {
    let Some([text]) = call.texts()? else { return Ok(Value::Null) };
    let characters = match call.context.len() {
        1 => Some(Cow::Borrowed(" ")),
        _ => call.text(1)?,
    };
    Ok(characters.map_or(Value::Null, |characters| Value::Text(trim(&text, &characters, ends).to_owned())))
}

fn like(call: &Call<'_, '_>) -> Answer {
    matched(call, |call| call.pattern(|text| Pattern::like(text, None)))
}

fn glob(call: &Call<'_, '_>) -> Answer {
    matched(call, |call| call.pattern(Pattern::glob))
}

fn like_with_escape(call: &Call<'_, '_>) -> Answer {
    let Some(escape) = call.text(2)? else { return Ok(Value::Null) };
    let mut characters = escape.chars();
    let (Some(escape), None) = (characters.next(), characters.next()) else {
        return Err(Error::UserFunctionError("ESCAPE expression must be a single character".into()));
    };
    matched(call, |call| {
        let text = call.text(0)?.unwrap_or_default();
        require_short(&text)?;
        Ok(Arc::new(Pattern::like(&text, Some(escape))))
    })
}

/// Whether the pattern, which is the first argument, takes the second one.
fn matched(call: &Call<'_, '_>, read: impl FnOnce(&Call<'_, '_>) -> Result<Arc<Pattern>, Error>) -> Answer {
    if matches!(call.context.get_raw(0), ValueRef::Null) {
        return Ok(Value::Null);
    }
    let pattern = read(call)?;
    let Some(text) = call.text(1)? else { return Ok(Value::Null) };
    Ok(Value::Integer(i64::from(pattern.takes(&text, call.brake)?)))
}
