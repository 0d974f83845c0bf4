-- Each event is tied to the one before it by a MAC under a key that is not in the database. Events from before have none.
alter table audit_event add column mac blob;

-- Places in the chain, each sealed under the same key: 'older' is the last event from before it, 'purged' the last one that was
-- removed because it was old, 'head' the newest.
create table audit_mark (
  name  text    not null primary key check (name in ('older', 'purged', 'head')),
  id    integer not null,
  value blob    not null,
  seal  blob    not null
) strict, without rowid;
