//! The process: as whom it runs, what it forbids itself, and its log. Nothing here knows an account.

pub mod as_owner;
pub mod confinement;
pub mod logging;
pub mod running;
pub mod system_calls;
pub mod work_folder;
