//! What people are told of settings: in `vestryd.toml`, in the table of OPERATIONS.md, and when one is refused.

/// What people are told of a group of settings.
#[derive(Debug, Clone)]
pub struct DescribedGroup {
    /// Its name in the file.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// Its settings.
    pub settings: Vec<Described>,
}

/// What people are told of a setting.
#[derive(Debug, Clone)]
pub struct Described {
    /// The key in its group.
    pub key: &'static str,
    /// What it is.
    pub text: String,
    /// What it may be, as the object of "use".
    pub range: String,
    /// Its default: a value of TOML, or in words where it depends on the machine.
    pub default: String,
    /// Why the default and the range are what they are; may be empty.
    pub reason: &'static str,
    /// Whether a change waits for a restart.
    pub needs_restart: bool,
    /// The value, as one of TOML.
    pub value: String,
    /// Whether `vestryd.toml` shows the value without setting it.
    pub is_default: bool,
}
