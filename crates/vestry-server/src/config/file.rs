//! `vestryd.toml` as it was written: which values it has, on which line each is, and which of its keys are no settings.

use super::described::DescribedGroup;
use super::error::ConfigError;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use vestry_protocol::escape::Escaped;

/// Characters of a value that a refusal repeats.
const VALUE_CHARS_MAX: usize = 60;

/// Keys of the time before there were groups, where group and key do not say it.
const FORMER_KEYS: [(&str, &str, &str); 6] = [
    ("certs_dir", "certificates", "dir"),
    ("certificate_days", "certificates", "days"),
    ("session_idle_secs_max", "sessions", "idle_secs_max"),
    ("session_absolute_secs_max", "sessions", "absolute_secs_max"),
    ("audit_days", "audit", "keep_days"),
    ("idle_secs_max", "connections", "idle_secs_max"),
];

/// The text of a file, and the values in it.
pub(super) struct File<'t> {
    path: &'t Path,
    text: &'t str,
    groups: DeTable<'t>,
}

impl<'t> File<'t> {
    /// Reads the text as TOML.
    ///
    /// # Errors
    /// With the line that is not.
    pub(super) fn parse(text: &'t str, path: &'t Path) -> Result<Self, ConfigError> {
        let parsed = DeTable::parse(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            invalid(path, text, start, Escaped(error.message().trim_end()).to_string())
        })?;
        Ok(Self { path, text, groups: parsed.into_inner() })
    }

    /// Returns the value of a setting, when the file has one.
    pub(super) fn value(&self, group: &str, key: &str) -> Option<&Spanned<DeValue<'t>>> {
        self.groups.get(group)?.get_ref().as_table()?.get(key)
    }

    /// Refuses the first key that is no setting, and says where its value belongs.
    ///
    /// # Errors
    /// With its line.
    pub(super) fn refuse_unknown(&self, known: &[DescribedGroup]) -> Result<(), ConfigError> {
        for (name, value) in &self.groups {
            let (at, name) = (name.span().start, name.get_ref().as_ref());
            let Some(group) = known.iter().find(|group| group.name == name) else {
                let groups = listed(known.iter().map(|group| group.name));
                return Err(
                    self.invalid(at, not_a_setting(name, name, known, &format!("the groups are {groups}")))
                );
            };
            let Some(table) = value.get_ref().as_table() else {
                let problem =
                    format!("{name} is a group of settings; write [{name}], and its settings below");
                return Err(self.invalid(at, problem));
            };
            for key in table.keys() {
                let (at, key) = (key.span().start, key.get_ref().as_ref());
                if !group.settings.iter().any(|setting| setting.key == key) {
                    let keys = listed(group.settings.iter().map(|setting| setting.key));
                    let (written, otherwise) = (format!("{name}.{key}"), format!("[{name}] has {keys}"));
                    return Err(self.invalid(at, not_a_setting(&written, key, known, &otherwise)));
                }
            }
        }
        Ok(())
    }

    /// Returns what is said of a value that is out of range or of another type.
    pub(super) fn out_of_range(
        &self,
        written: &Spanned<DeValue<'_>>,
        group: &str,
        key: &str,
        range: &str,
    ) -> ConfigError {
        let Range { start, end } = written.span();
        let value: String =
            self.text.get(start..end).unwrap_or_default().chars().take(VALUE_CHARS_MAX).collect();
        self.invalid(start, format!("{group}.{key} cannot be {}; use {range}", Escaped(&value)))
    }

    fn invalid(&self, at: usize, problem: String) -> ConfigError {
        invalid(self.path, self.text, at, problem)
    }
}

fn invalid(path: &Path, text: &str, at: usize, problem: String) -> ConfigError {
    let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    ConfigError::Invalid { path: path.to_owned(), line, problem }
}

/// Says that something is no setting, and where it belongs: in another group, or under the key that replaced it.
fn not_a_setting(written: &str, key: &str, known: &[DescribedGroup], otherwise: &str) -> String {
    let former = FORMER_KEYS.into_iter().find(|(former, ..)| *former == key);
    let place = former.map(|(_, group, key)| (group, key)).or_else(|| {
        let mut all =
            known.iter().flat_map(|group| group.settings.iter().map(|setting| (group.name, setting.key)));
        all.find(|(group, known)| *known == key || format!("{group}_{known}") == key)
    });
    match place {
        Some((group, key)) => format!("{} is not a setting; write {key} below [{group}]", Escaped(written)),
        None => format!("{} is not a setting; {otherwise}", Escaped(written)),
    }
}

fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}
