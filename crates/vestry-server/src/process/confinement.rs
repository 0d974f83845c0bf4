//! What the process gives up: being dumped or looked into, gaining privileges and, where the kernel has them, every file but its
//! own (Landlock), and every socket and program but what it has already (seccomp, `system_calls.rs`).
//!
//! Both bind the thread that asks for it and the threads which that one starts, so [`confine`] comes before the
//! runtime. They take nothing back from descriptors that are open: the log and the listeners go on.

use crate::process::system_calls;
use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use rustix::process::{DumpableBehavior, Resource, Rlimit, dumpable_behavior, getrlimit};
use rustix::process::{set_dumpable_behavior, setrlimit};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The newest kernel interface that the rules were tried with. An older kernel enforces what it knows of them.
const TRIED_ABI: ABI = ABI::V7;

/// What every process may read: random bytes for SQLite and the TLS library, and how many cores there are for the memory
/// allocator, which would make do with too few.
const READABLE: [&str; 2] = ["/dev/urandom", "/sys/devices/system/cpu/online"];

/// What the process is held to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confinement {
    /// Which files it can open.
    pub files: Files,
    /// Why the kernel does not refuse it system calls, when it does not.
    pub system_calls: Result<(), String>,
}

/// What Landlock holds the process to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Files {
    /// All of the rules.
    Full(Interface),
    /// Those that the kernel knows.
    Partial(Interface),
    /// Nothing: it is off, or there is none.
    None(&'static str),
    /// The kernel has Landlock and refused.
    Refused(String),
}

/// The version of the kernel's Landlock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface(String);

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(Interface(abi)) => write!(
                f,
                "its own folders, the one of its settings to read, and nothing else (Landlock ABI {abi})"
            ),
            Self::Partial(Interface(abi)) => {
                write!(f, "its own folders (Landlock ABI {abi}; a newer kernel would forbid more)")
            }
            Self::None(why) => write!(f, "all that its user can open (no Landlock: {why})"),
            Self::Refused(why) => {
                write!(f, "all that its user can open (no Landlock: the kernel refused it, {why})")
            }
        }
    }
}

impl Confinement {
    /// Whether all of it is in force, as far as the kernel knows it.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        matches!(self.files, Files::Full(_) | Files::Partial(_)) && self.system_calls.is_ok()
    }
}

impl fmt::Display for Confinement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "files: {}; ", self.files)?;
        match &self.system_calls {
            Ok(()) => f.write_str("no new sockets, programs or tracing (seccomp)"),
            Err(why) => write!(f, "sockets and programs as its user can (no seccomp: {why})"),
        }
    }
}

/// Nothing of this process's memory reaches a core file or another process of its user, and nothing that it might
/// ever start has more rights than it. Done first, before any secret is read.
///
/// # Errors
/// When the system refuses.
pub fn keep_memory_private() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(rustix::thread::set_no_new_privs(true)?)
}

/// Whether [`keep_memory_private`] holds, as the system sees it.
#[must_use]
pub fn is_memory_private() -> bool {
    let no_core = getrlimit(Resource::Core).maximum == Some(0);
    let not_dumpable = dumpable_behavior() == Ok(DumpableBehavior::NotDumpable);
    no_core && not_dumpable && rustix::thread::no_new_privs() == Ok(true)
}

/// Leaves the process, from the calling thread on, the folders `own` to read and write in, the files beside `settings` to read,
/// and no way to open anything else, to run a program, to trace a process, or to make a socket of any kind. For good.
#[must_use]
pub fn confine(own: &[&Path], settings: &Path) -> Confinement {
    // The folder that the file is in, and the one that it is in behind links. An editor replaces the file, and only the folder
    // stays what a rule was made for.
    let files = [Some(settings.to_owned()), settings.canonicalize().ok()];
    let folders: Vec<PathBuf> =
        files.into_iter().flatten().filter_map(|file| Some(file.parent()?.to_owned())).collect();
    let files = match restrict(own, &folders) {
        Ok(status) => status.into(),
        Err(error) => Files::Refused(error.to_string()),
    };
    Confinement { files, system_calls: system_calls::forbid() }
}

fn restrict(own: &[&Path], settings: &[PathBuf]) -> Result<RestrictionStatus, RulesetError> {
    // To read, write, make and remove files and folders: no programs, links, devices, sockets or pipes.
    let own_rights = AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir;
    Ruleset::default()
        .handle_access(AccessFs::from_all(TRIED_ABI))?
        .handle_access(AccessNet::from_all(TRIED_ABI))?
        .scope(Scope::from_all(TRIED_ABI))?
        .create()?
        .add_rules(path_beneath_rules(own, own_rights))?
        .add_rules(path_beneath_rules(settings, AccessFs::ReadFile))?
        .add_rules(path_beneath_rules(READABLE, AccessFs::ReadFile))?
        .restrict_self()
}

impl From<RestrictionStatus> for Files {
    fn from(status: RestrictionStatus) -> Self {
        let interface = match status.landlock {
            LandlockStatus::NotEnabled => return Self::None("this kernel has it turned off (lsm=)"),
            LandlockStatus::NotImplemented => return Self::None("this kernel has none"),
            LandlockStatus::Available { effective_abi, .. } => Interface(effective_abi.to_string()),
        };
        match status.ruleset {
            RulesetStatus::FullyEnforced => Self::Full(interface),
            RulesetStatus::PartiallyEnforced => Self::Partial(interface),
            RulesetStatus::NotEnforced => Self::None("this kernel enforces none of the rules"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::net::{TcpListener, TcpStream};

    /// On a thread of its own: only that thread is confined.
    fn confined<T: Send>(own: &Path, act: impl FnOnce() -> T + Send) -> Option<T> {
        let confine_and_act = || {
            let confinement = confine(&[own], &own.join("vestryd.toml"));
            assert_eq!(confinement.system_calls, Ok(()));
            if let Files::Full(_) = confinement.files {
                return Some(act());
            }
            println!("skipped: {confinement}");
            None
        };
        std::thread::scope(|scope| scope.spawn(confine_and_act).join().unwrap())
    }

    fn is_denied<T>(outcome: io::Result<T>) -> bool {
        outcome.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    }

    #[test]
    fn memory_is_private_once_it_was_asked_for() {
        assert!(!is_memory_private());
        keep_memory_private().unwrap();
        assert!(is_memory_private());
    }

    #[test]
    fn a_confined_thread_uses_its_own_folder_and_opens_nothing_else() {
        let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let theirs = other.path().join("theirs");
        fs::write(&theirs, "secret").unwrap();
        std::os::unix::fs::symlink(&theirs, own.path().join("way-out")).unwrap();
        confined(own.path(), || {
            let (file, folder) = (own.path().join("file"), own.path().join("folder"));
            fs::write(&file, "mine").unwrap();
            fs::rename(&file, own.path().join("renamed")).unwrap();
            fs::create_dir(&folder).unwrap();
            fs::remove_dir(&folder).unwrap();
            assert_eq!(fs::read(own.path().join("renamed")).unwrap(), b"mine");
            assert!(is_denied(fs::read("/etc/passwd")));
            assert!(is_denied(fs::read(own.path().join("way-out"))));
            assert!(is_denied(fs::write(&theirs, "mine")));
            assert!(is_denied(fs::read_dir(other.path())));
            assert!(is_denied(fs::remove_file(&theirs)));
            assert!(is_denied(std::process::Command::new("/bin/true").status()));
        });
        assert_eq!(fs::read(&theirs).unwrap(), b"secret");
    }

    #[test]
    fn a_confined_thread_reads_the_folder_of_its_settings_and_writes_nothing_there() {
        let [own, settings, behind] = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let (file, linked) = (settings.path().join("vestryd.toml"), behind.path().join("real.toml"));
        fs::write(&linked, "1").unwrap();
        std::os::unix::fs::symlink(&linked, &file).unwrap();
        let fresh = settings.path().join("fresh");
        std::thread::scope(|scope| {
            let confined = scope.spawn(|| {
                let Files::Full(_) = confine(&[own.path()], &file).files else { return };
                assert_eq!(fs::read(&file).unwrap(), b"1", "a link leads elsewhere");
                assert!(is_denied(fs::write(&fresh, "mine")));
                assert!(is_denied(fs::write(&linked, "mine")));
                assert!(is_denied(fs::remove_file(&file)));
                assert!(is_denied(fs::read_dir(settings.path())));
            });
            confined.join().unwrap();
        });
    }

    #[test]
    fn a_confined_thread_answers_on_what_is_bound_and_neither_binds_nor_connects() {
        let own = tempfile::tempdir().unwrap();
        let bound = TcpListener::bind("127.0.0.1:0").unwrap();
        let caller = TcpStream::connect(bound.local_addr().unwrap()).unwrap();
        confined(own.path(), || {
            bound.accept().unwrap();
            assert!(is_denied(TcpListener::bind("127.0.0.1:0")));
            assert!(is_denied(TcpStream::connect(bound.local_addr().unwrap())));
        });
        drop(caller);
    }
}
