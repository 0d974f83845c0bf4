//! The two macros that make types of lists: one for a group of settings, one for the groups.

use super::described::Described;
use super::error::ConfigError;
use super::file::File;
use vestry_protocol::admin::SettingChange;

/// What every group does with its settings. [`settings!`] writes it.
pub(super) trait Group: Sized {
    /// What the group is about.
    const ABOUT: &'static str;

    /// Reads the group from the file; what the file lacks has its default.
    fn read(file: &File<'_>, group: &str) -> Result<Self, ConfigError>;

    /// Notes each setting that differs from the one in force, and puts back what needs a restart.
    fn compare(group: &str, in_force: &Self, read: &mut Self, changes: &mut Vec<SettingChange>);

    /// Returns what people are told of each setting.
    fn describe(&self) -> Vec<Described>;
}

/// Makes the struct of a group: each entry is a field with its documentation, and what makes a [`super::setting::Setting`] of it.
macro_rules! settings {
    ($(#[doc = $about:literal])+ $name:ident {
        $($(#[doc = $text:literal])+ $field:ident: $type:ty = $setting:expr;)+
    }) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone)]
        pub struct $name {
            $($(#[doc = $text])+ pub $field: $type,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $setting.default,)+ }
            }
        }

        impl $crate::config::groups::Group for $name {
            const ABOUT: &'static str = concat!($($about),+);

            fn read(
                file: &$crate::config::file::File<'_>,
                group: &str,
            ) -> Result<Self, $crate::config::error::ConfigError> {
                Ok(Self { $($field: $setting.read(file, group)?,)+ })
            }

            fn compare(
                group: &str,
                in_force: &Self,
                read: &mut Self,
                changes: &mut Vec<vestry_protocol::admin::SettingChange>,
            ) {
                $($setting.compare(group, &in_force.$field, &mut read.$field, changes);)+
            }

            fn describe(&self) -> Vec<$crate::config::described::Described> {
                let all = [$($setting.describe(&[$($text),+], &self.$field)),+];
                all.into_iter().flatten().collect()
            }
        }
    };
}

/// Makes [`super::Config`] of its groups; the name of a field is the name of its group in the file.
macro_rules! groups {
    ($($(#[doc = $about:literal])+ $group:ident: $type:ty,)+) => {
        /// The server's settings, as they are in force.
        #[derive(Debug, Clone, Default)]
        pub struct Config {
            /// The file that they come from.
            pub path: std::path::PathBuf,
            $($(#[doc = $about])+ pub $group: $type,)+
        }

        impl Config {
            fn read(file: &File<'_>, path: &Path) -> Result<Self, ConfigError> {
                Ok(Self { path: path.to_owned(), $($group: <$type>::read(file, stringify!($group))?,)+ })
            }

            /// Returns each setting that differs from the one in force, and puts back what needs a restart.
            pub(crate) fn compare(in_force: &Self, read: &mut Self) -> Vec<SettingChange> {
                let mut changes = Vec::new();
                $(<$type>::compare(stringify!($group), &in_force.$group, &mut read.$group, &mut changes);)+
                changes
            }

            /// Returns what people are told of each setting and of its value.
            #[must_use]
            pub fn describe(&self) -> Vec<DescribedGroup> {
                vec![$(DescribedGroup {
                    name: stringify!($group),
                    about: <$type>::ABOUT.trim(),
                    settings: self.$group.describe(),
                }),+]
            }
        }
    };
}

pub(super) use {groups, settings};
