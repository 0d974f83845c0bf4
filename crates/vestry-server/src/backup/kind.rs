//! What may be in an archive: only files with a place in a data directory.

use vestry_tls::private_file::FILE_BYTES_MAX;

/// What a file of an archive is. Only these have a place in one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Database,
    Settings,
    Secret,
    Certificate,
}

pub(super) const DATABASE: &str = "vestry.db";
pub(super) const SETTINGS: &str = "vestryd.toml";

impl Kind {
    /// Judges the name of an entry; `None` for every path that could lead elsewhere.
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            DATABASE => return Some(Self::Database),
            SETTINGS => return Some(Self::Settings),
            _ => {}
        }
        let (folder, file) = name.rsplit_once('/')?;
        match folder {
            "secrets" if is_plain(file) => Some(Self::Secret),
            "certs" | "certs/operators" if is_plain(file) => Some(Self::Certificate),
            _ => None,
        }
    }

    pub(super) fn bytes_max(self) -> u64 {
        match self {
            Self::Database => u64::MAX,
            Self::Settings | Self::Secret | Self::Certificate => {
                u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX)
            }
        }
    }
}

/// Whether a file name is nothing but a name, and not a hidden one.
pub(super) fn is_plain(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_with_a_place_in_a_data_directory_have_a_kind() {
        let good = [
            ("vestry.db", Kind::Database),
            ("vestryd.toml", Kind::Settings),
            ("secrets/opaque.key", Kind::Secret),
            ("certs/ca.key", Kind::Certificate),
            ("certs/operators/admin.pem", Kind::Certificate),
        ];
        for (name, kind) in good {
            assert_eq!(Kind::of(name), Some(kind), "{name}");
        }
        let bad = [
            "",
            "/",
            "vestry.db-wal",
            "../vestry.db",
            "/vestry.db",
            "./vestry.db",
            "secrets",
            "secrets/",
            "secrets/.",
            "secrets/..",
            "secrets/../x",
            "secrets/a/b",
            "secrets//a",
            "secrets/.hidden",
            "certs/operators/../x",
            "/etc/passwd",
            "secrets/a\0",
            "secrets/a b",
            "secrets/\u{e9}",
            "vestryd.lock",
        ];
        for name in bad {
            assert_eq!(Kind::of(name), None, "{name:?}");
        }
    }
}
