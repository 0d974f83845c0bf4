//! Registers as earlier versions left them: what a migration made is taken back, newest first.

use std::path::Path;

/// What the first version made.
const REGISTER: &str = include_str!("../../crates/vestry-store/src/schema/001_register.sql");

/// The statement of the first migration that makes something.
fn made_first(what: &str) -> &'static str {
    let from = REGISTER.find(&format!("create {what}")).expect("it was made by the first migration");
    REGISTER[from..].split_inclusive(';').next().expect("a statement")
}

/// Each migration that can be taken back, and how; the newest first.
fn undone_by() -> [(u32, String); 3] {
    let audit = "drop view audit; alter table audit_event rename to newer;".to_owned()
        + made_first("table audit_event")
        + "alter table audit_event add column mac blob; insert into audit_event select * from newer; drop table newer;"
        + made_first("view audit");
    let accounts = "drop index account_by_name; drop view accounts; alter table account drop column status;"
        .to_owned()
        + made_first("view accounts");
    let chain = "drop table audit_mark; alter table audit_event drop column mac;
                 delete from fact where name like '%audit%';";
    [(7, audit), (6, accounts), (5, chain.to_owned())]
}

/// Makes the register of a stopped server one of an earlier version.
///
/// # Panics
/// When it is not of this version, or the version is too early to go back to.
pub fn take_back_to(version: u32, folder: &Path) {
    let register = rusqlite::Connection::open(folder.join("vestry.db")).unwrap();
    for (made_by, undo) in undone_by().into_iter().filter(|(made_by, _)| *made_by > version) {
        register.execute_batch(&undo).unwrap();
        register.pragma_update(None, "user_version", made_by - 1).unwrap();
    }
    let reached: u32 = register.query_row("pragma user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(reached, version);
}
