//! What a setting is: its key, its range, its default and its reason, with what reads, writes and compares it.
//!
//! It knows no group and no file name. The constructors at the end are the kinds of values that a setting can have.

use super::described::Described;
use super::error::ConfigError;
use super::file::File;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;
use toml::de::ValueDeserializer;
use vestry_protocol::admin::SettingChange;
use vestry_protocol::escape::is_hazardous;

/// Takes a value that the file has, when it is in the range.
type Accept<T> = Box<dyn Fn(ValueDeserializer<'_>) -> Option<T>>;

/// One setting, or a limit that none changes.
pub(super) struct Setting<T> {
    /// `None` for a limit that is fixed.
    key: Option<&'static str>,
    pub(super) default: T,
    default_of_machine: Option<DefaultOfMachine>,
    range: String,
    accept: Accept<T>,
    /// Writes a value of TOML, on one line.
    shown: Box<dyn Fn(&T) -> String>,
    reason: &'static str,
    needs_restart: bool,
    is_per_server: bool,
}

/// A default that depends on the machine.
struct DefaultOfMachine {
    words: &'static str,
    /// A value that stands in `vestryd.toml`.
    example: &'static str,
}

impl<T> Setting<T> {
    /// Says why the default and the range are what they are.
    pub(super) fn because(self, reason: &'static str) -> Self {
        Self { reason, ..self }
    }

    /// Says that a change waits for a restart. Without this it is in force with the next act after a reload.
    pub(super) fn at_restart(self) -> Self {
        Self { needs_restart: true, ..self }
    }

    /// Says that each server has its own, so that `vestryd.toml` sets it even where it is the default.
    pub(super) fn per_server(self) -> Self {
        Self { is_per_server: true, ..self }
    }

    /// Says in words what the default is, where that depends on the machine, and a value that could be set.
    pub(super) fn default_of_machine(self, words: &'static str, example: &'static str) -> Self {
        Self { default_of_machine: Some(DefaultOfMachine { words, example }), ..self }
    }

    /// Returns the value that the file has, or the default.
    pub(super) fn read(self, file: &File<'_>, group: &str) -> Result<T, ConfigError> {
        let Some((key, written)) = self.key.and_then(|key| file.value(group, key).map(|value| (key, value)))
        else {
            return Ok(self.default);
        };
        let value = (self.accept)(ValueDeserializer::from(written.clone()));
        value.ok_or_else(|| file.out_of_range(written, group, key, &self.range))
    }

    /// Returns what people are told of the setting and of its value; `None` for a limit that is fixed.
    pub(super) fn describe(&self, text: &[&str], value: &T) -> Option<Described> {
        let (value, default) = ((self.shown)(value), (self.shown)(&self.default));
        let is_default = value == default;
        let (value, default) = match &self.default_of_machine {
            Some(of_machine) if is_default => (of_machine.example.to_owned(), of_machine.words.to_owned()),
            _ => (value, default),
        };
        Some(Described {
            key: self.key?,
            text: text.concat().trim().to_owned(),
            range: self.range.clone(),
            default,
            reason: self.reason,
            needs_restart: self.needs_restart,
            value,
            is_default: is_default && !self.is_per_server,
        })
    }
}

impl<T: Clone> Setting<T> {
    /// Notes a value that differs from the one in force. One that needs a restart is put back to that.
    pub(super) fn compare(&self, group: &str, in_force: &T, read: &mut T, changes: &mut Vec<SettingChange>) {
        let Some(key) = self.key else { return };
        let (was, is) = ((self.shown)(in_force), (self.shown)(read));
        if self.needs_restart {
            read.clone_from(in_force);
        }
        if was != is {
            let needs_restart = self.needs_restart;
            changes.push(SettingChange { key: format!("{group}.{key}"), was, is, needs_restart });
        }
    }
}

/// Returns a setting that is written as a `W` and understood as a `T`. The range is the object of "use".
pub(super) fn written<W: DeserializeOwned, T>(
    key: &'static str,
    default: T,
    range: impl Into<String>,
    accept: impl Fn(W) -> Option<T> + 'static,
    shown: impl Fn(&T) -> String + 'static,
) -> Setting<T> {
    Setting {
        key: Some(key),
        default,
        default_of_machine: None,
        range: range.into(),
        accept: Box::new(move |value| W::deserialize(value).ok().and_then(&accept)),
        shown: Box::new(shown),
        reason: "",
        needs_restart: false,
        is_per_server: false,
    }
}

/// Returns a number of some unit.
pub(super) fn number<N>(
    key: &'static str,
    default: N,
    range: RangeInclusive<N>,
    unit: &'static str,
) -> Setting<N>
where
    N: DeserializeOwned + PartialOrd + Display + 'static,
{
    let words = words_of(&range, unit);
    written(key, default, words, move |number: N| range.contains(&number).then_some(number), N::to_string)
}

/// Returns a time that is written in seconds.
pub(super) fn seconds(key: &'static str, default: u64, range: RangeInclusive<u64>) -> Setting<Duration> {
    let words = words_of(&range, "seconds");
    let accept = move |secs: u64| range.contains(&secs).then_some(Duration::from_secs(secs));
    written(key, Duration::from_secs(default), words, accept, |time| time.as_secs().to_string())
}

/// Returns a time that is written in milliseconds.
pub(super) fn milliseconds(key: &'static str, default: u64, range: RangeInclusive<u64>) -> Setting<Duration> {
    let words = words_of(&range, "milliseconds");
    let accept = move |millis: u64| range.contains(&millis).then_some(Duration::from_millis(millis));
    written(key, Duration::from_millis(default), words, accept, |time| time.as_millis().to_string())
}

/// Returns one of two values that have words.
pub(super) fn choice<T: Copy + PartialEq + 'static>(
    key: &'static str,
    default: T,
    values: [(&'static str, T); 2],
) -> Setting<T> {
    let range = values.map(|(word, _)| quoted(word)).join(" or ");
    let accept =
        move |word: String| values.into_iter().find_map(|(known, value)| (known == word).then_some(value));
    let shown = move |value: &T| {
        values.iter().find(|(_, known)| known == value).map(|(word, _)| quoted(word)).unwrap_or_default()
    };
    written(key, default, range, accept, shown)
}

/// Returns a limit that no setting changes.
pub(super) fn fixed<T>(value: T) -> Setting<T> {
    Setting { key: None, ..written("", value, "", |(): ()| None, |_| String::new()) }
}

/// Returns text as a string of TOML, on one line and safe on a screen.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if is_hazardous(c) => quoted.push_str(&format!("\\U{:08X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn words_of(range: &RangeInclusive<impl Display>, unit: &str) -> String {
    format!("{} to {} {unit}", range.start(), range.end())
}
