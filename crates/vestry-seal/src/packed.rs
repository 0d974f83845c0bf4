//! What a file is that was packed by another program, told by its first bytes, and what unpacks it. Shows nothing of the file.

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packed {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// What `xz` makes.
    Xz,
    /// What `bzip2` makes.
    Bzip2,
    /// A zip archive, as the files of spreadsheets (`.xlsx`, `.ods`) are.
    Zip,
    /// A file of an older spreadsheet (`.xls`).
    Compound,
}

/// What each begins with.
const BEGINNINGS: [(&[u8], Packed); 6] = [
    (b"\x1f\x8b", Packed::Gzip),
    (b"\x28\xb5\x2f\xfd", Packed::Zstd),
    (b"\xfd7zXZ\0", Packed::Xz),
    (b"BZh", Packed::Bzip2),
    (b"PK\x03\x04", Packed::Zip),
    (b"\xd0\xcf\x11\xe0", Packed::Compound),
];

impl Packed {
    /// Returns how a file is packed that begins like this; the longest beginning has six bytes.
    #[must_use]
    pub fn of_beginning(bytes: &[u8]) -> Option<Self> {
        BEGINNINGS.iter().find_map(|(beginning, packed)| bytes.starts_with(beginning).then_some(*packed))
    }

    /// Returns what the file is, in words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "compressed by gzip",
            Self::Zstd => "compressed by zstd",
            Self::Xz => "compressed by xz",
            Self::Bzip2 => "compressed by bzip2",
            Self::Zip => "a spreadsheet or a zip archive",
            Self::Compound => "a spreadsheet",
        }
    }

    /// Returns the program that writes what is in the file to standard output, where that is all that is needed.
    #[must_use]
    pub fn unpacker(self) -> Option<&'static str> {
        match self {
            Self::Gzip => Some("zcat"),
            Self::Zstd => Some("zstdcat"),
            Self::Xz => Some("xzcat"),
            Self::Bzip2 => Some("bzcat"),
            Self::Zip | Self::Compound => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_file_is_told_by_its_beginning() {
        for (beginning, packed) in BEGINNINGS {
            let file = [beginning, b"\0\0more"].concat();
            assert_eq!(Packed::of_beginning(&file), Some(packed));
            let cut = beginning.get(..beginning.len() - 1).unwrap_or_default();
            assert_eq!(Packed::of_beginning(cut), None);
        }
        for text in ["", "name,email\n", "{\"name\":\"naman\"}\n", "Pk", "\u{feff}name"] {
            assert_eq!(Packed::of_beginning(text.as_bytes()), None, "{text}");
        }
    }
}
