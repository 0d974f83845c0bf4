//! The files that are written from the settings: `vestryd.toml`, and the table in `docs/OPERATIONS.md`.

use super::{Config, Described};

/// Columns of a comment in `vestryd.toml`.
const WIDTH: usize = 118;

const HEAD: &str = "vestryd.toml: settings of the Vestry server. `vestryctl reload`, or SIGHUP, reads them again and shows which \
    changes need a restart. A line that starts with \"#=\" shows a default; take the \"#= \" away to change it.";

impl Config {
    /// Returns the file that `vestryd init` writes: every setting with its comment; those that are not the default are set.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut lines = comment(HEAD);
        for group in self.describe() {
            lines.extend([String::new(), format!("[{}]", group.name)]);
            lines.extend(comment(group.about));
            for setting in group.settings {
                lines.push(String::new());
                lines.extend(comment(&setting.text));
                lines.extend(comment(&remark(&setting)));
                let mark = if setting.is_default { "#= " } else { "" };
                lines.push(format!("{mark}{} = {}", setting.key, setting.value));
            }
        }
        lines.join("\n") + "\n"
    }

    /// Returns the table of every setting, in Markdown.
    #[must_use]
    pub fn table_of_settings() -> String {
        let mut lines = vec![
            "| setting | default | use | what, and why | a change needs |".to_owned(),
            "|---|---|---|---|---|".to_owned(),
        ];
        for group in Self::default().describe() {
            for Described { key, text, range, default, reason, needs_restart, value, .. } in group.settings {
                let (name, needs) = (group.name, if needs_restart { "a restart" } else { "a reload" });
                let default = if default == value { format!("`{default}`") } else { default };
                let what = format!("{text} {reason}");
                lines.push(format!("| `{name}.{key}` | {default} | {range} | {} | {needs} |", what.trim()));
            }
        }
        lines.join("\n") + "\n"
    }
}

/// Says what the setting may be, and why, and what it takes.
fn remark(setting: &Described) -> String {
    let mut remark = format!("Use {}.", setting.range);
    if setting.is_default && setting.default != setting.value {
        remark.push_str(&format!(" Default: {}.", setting.default));
    }
    if !setting.reason.is_empty() {
        remark.extend([" ", setting.reason]);
    }
    if setting.needs_restart {
        remark.push_str(" A change needs a restart.");
    }
    remark
}

/// Breaks text into lines of a comment.
fn comment(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        if let Some(line) = lines.last_mut()
            && line.chars().count() + 1 + word.chars().count() <= WIDTH
        {
            line.push_str(&format!(" {word}"));
        } else {
            lines.push(format!("# {word}"));
        }
    }
    lines
}
