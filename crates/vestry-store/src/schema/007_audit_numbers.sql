-- The chain gives each event its number, and its sealed head keeps it from coming back: SQLite need not count as well, on a page
-- that every commit would write.
create table audit_event_numbered (
  id         integer primary key,
  at         integer not null,
  actor_kind text    not null check (actor_kind in ('user', 'operator', 'server')),
  actor      text    not null,
  action     text    not null,
  subject    text    not null,
  source     text    not null,
  detail     text    not null,
  mac        blob
) strict;

insert into audit_event_numbered (id, at, actor_kind, actor, action, subject, source, detail, mac)
  select id, at, actor_kind, actor, action, subject, source, detail, mac from audit_event order by id;

drop view audit;
drop table audit_event;
alter table audit_event_numbered rename to audit_event;

create view audit as
  select e.id, strftime('%Y-%m-%dT%H:%M:%SZ', e.at, 'unixepoch') as at,
         e.actor_kind, e.actor, e.action, e.subject, e.source, e.detail
    from audit_event e;
