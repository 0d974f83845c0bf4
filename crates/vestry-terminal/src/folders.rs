//! Where the files of a program are when nothing says so.

use std::path::PathBuf;

/// What is known of the person who runs a program. A folder that is empty or relative in the environment counts as unset.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Whether the program runs as root.
    pub is_root: bool,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `XDG_DATA_HOME`.
    pub data_home: Option<PathBuf>,
    /// `XDG_STATE_HOME`.
    pub state_home: Option<PathBuf>,
}

impl Surroundings {
    /// Returns those of this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        let path = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        Self {
            is_root: rustix::process::geteuid().is_root(),
            home: path("HOME"),
            data_home: path("XDG_DATA_HOME"),
            state_home: path("XDG_STATE_HOME"),
        }
    }

    /// Returns the data directory of a server: `/var/lib/vestry` for root, `$XDG_DATA_HOME/vestry` or
    /// `~/.local/share/vestry` for other users; `None` without a home.
    #[must_use]
    pub fn data_dir(&self) -> Option<PathBuf> {
        match self.is_root {
            true => Some(PathBuf::from("/var/lib/vestry")),
            false => self.beneath(self.data_home.as_ref(), ".local/share"),
        }
    }

    /// Returns where a program keeps what it remembers, such as a history; `None` without a home.
    #[must_use]
    pub fn state_dir(&self) -> Option<PathBuf> {
        self.beneath(self.state_home.as_ref(), ".local/state")
    }

    fn beneath(&self, named: Option<&PathBuf>, in_home: &str) -> Option<PathBuf> {
        let folder = named.cloned().or_else(|| self.home.as_ref().map(|home| home.join(in_home)));
        folder.map(|folder| folder.join("vestry"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn each_person_has_a_data_directory() {
        let home = Some(PathBuf::from("/home/n"));
        let person = Surroundings { home: home.clone(), ..Surroundings::default() };
        assert_eq!(person.data_dir().as_deref(), Some(Path::new("/home/n/.local/share/vestry")));
        assert_eq!(person.state_dir().as_deref(), Some(Path::new("/home/n/.local/state/vestry")));
        let moved = Surroundings { data_home: Some("/d".into()), state_home: Some("/s".into()), ..person };
        assert_eq!(moved.data_dir().as_deref(), Some(Path::new("/d/vestry")));
        assert_eq!(moved.state_dir().as_deref(), Some(Path::new("/s/vestry")));
        let root = Surroundings { is_root: true, home, ..Surroundings::default() };
        assert_eq!(root.data_dir().as_deref(), Some(Path::new("/var/lib/vestry")));
        assert_eq!(Surroundings::default().data_dir(), None);
    }
}
