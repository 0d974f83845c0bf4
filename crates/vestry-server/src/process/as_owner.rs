//! Root helps once: whatever root does in the folder of another user, it does as that user. What is made there (files, folders, the
//! database with its log, by us or by SQLite) then belongs to the user whose server has to read it.
//!
//! It takes effect for the calling thread and for those that it starts, so that it comes before there are others.

use rustix::process::{DumpableBehavior, Gid, Uid, getegid, geteuid, getgroups, set_dumpable_behavior};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use thiserror::Error;
use vestry_protocol::escape::Escaped;

/// The user that acts in a folder: the one whose folder it is. Until this is dropped, for root.
#[derive(Debug)]
#[must_use = "root acts as root again when this is dropped"]
pub(crate) struct AsOwner {
    /// What root is otherwise; nothing when nothing was changed, or nothing is to be changed back.
    before: Option<(Gid, Vec<Gid>)>,
}

/// Root cannot act as the owner of a folder.
#[derive(Debug, Error)]
#[error(
    "{} belongs to the user {uid}, and root cannot act as that user here ({cause}); run this as that user",
    Escaped(&.folder.display().to_string())
)]
pub(crate) struct NotTheOwner {
    folder: PathBuf,
    uid: u32,
    cause: io::Error,
}

/// How long root acts as somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// Until the value is dropped.
    Now,
    /// To the end of the process.
    Good,
}

impl AsOwner {
    /// Acts as the owner of a folder, or of the nearest one above it that there is.
    ///
    /// # Errors
    /// When the folder belongs to another user, and the system does not let root act as that user.
    pub(crate) fn of(folder: &Path, how_long: For) -> Result<Self, NotTheOwner> {
        let facts = folder.ancestors().find_map(|folder| folder.metadata().ok());
        let Some(facts) = facts.filter(|facts| geteuid().is_root() && facts.uid() != 0) else {
            return Ok(Self { before: None });
        };
        let refused = |cause: io::Error| NotTheOwner { folder: folder.to_owned(), uid: facts.uid(), cause };
        let (uid, gid) = (Uid::from_raw(facts.uid()), Gid::from_raw(facts.gid()));
        let before = (getegid(), getgroups().map_err(|cause| refused(cause.into()))?);
        let is_for_good = how_long == For::Good;
        let (all_uids, all_gids) = (is_for_good.then_some(uid), is_for_good.then_some(gid));
        let changed = set_thread_groups(&[gid])
            .and_then(|()| set_thread_res_gid(all_gids, gid, all_gids))
            .and_then(|()| set_thread_res_uid(all_uids, uid, all_uids));
        let acting = Self { before: (how_long == For::Now).then_some(before) };
        // Another user's process could be looked into by that user.
        let private = changed.and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable));
        private.map_err(|cause| refused(cause.into())).map(|()| acting)
    }
}

impl Drop for AsOwner {
    fn drop(&mut self) {
        if let Some((gid, groups)) = self.before.take() {
            // The saved user is root, who may do all of this; where not, less is allowed from here on, not more.
            let _ = set_thread_res_uid(None, Uid::ROOT, None)
                .and_then(|()| set_thread_res_gid(None, gid, None))
                .and_then(|()| set_thread_groups(&groups))
                .and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable));
        }
    }
}
