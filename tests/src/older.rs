//! Registers as earlier versions left them: what a migration made is taken back, newest first.

use std::path::Path;

/// Each migration that can be taken back, and how; the newest first.
const UNDONE_BY: [(u32, &str); 3] = [
    (
        7,
        "drop view audit; alter table audit_event rename to newer;
         create table audit_event (
           id integer primary key autoincrement, at integer not null,
           actor_kind text not null check (actor_kind in ('user', 'operator', 'server')), actor text not null,
           action text not null, subject text not null, source text not null, detail text not null, mac blob
         ) strict;
         insert into audit_event select * from newer; drop table newer;
         create view audit as
           select e.id, strftime('%Y-%m-%dT%H:%M:%SZ', e.at, 'unixepoch') as at,
                  e.actor_kind, e.actor, e.action, e.subject, e.source, e.detail
             from audit_event e;",
    ),
    (
        6,
        "drop index account_by_name; drop view accounts; alter table account drop column status;
         create view accounts as
           select a.name, a.email, a.age, a.gender,
                  case when a.deleted_at   is not null then 'deleted'
                       when a.suspended_at is not null then 'suspended'
                       else 'active' end as status,
                  coalesce((select min(c.kind) from credential c where c.account_id = a.id), 'none') as credential,
                  strftime('%Y-%m-%dT%H:%M:%SZ', a.created, 'unixepoch')    as created,
                  strftime('%Y-%m-%dT%H:%M:%SZ', a.last_login, 'unixepoch') as last_login
             from account a;",
    ),
    (
        5,
        "drop table audit_mark; alter table audit_event drop column mac;
         delete from fact where name like '%audit%';",
    ),
];

/// Makes the register of a stopped server one of an earlier version.
///
/// # Panics
/// When it is not of this version, or the version is too early to go back to.
pub fn take_back_to(version: u32, folder: &Path) {
    let register = rusqlite::Connection::open(folder.join("vestry.db")).unwrap();
    for (made_by, undo) in UNDONE_BY.into_iter().filter(|(made_by, _)| *made_by > version) {
        register.execute_batch(undo).unwrap();
        register.pragma_update(None, "user_version", made_by - 1).unwrap();
    }
    let reached: u32 = register.query_row("pragma user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(reached, version);
}
