-- The register. Times are seconds since 1970-01-01T00:00:00Z. A released migration never changes.

create table account (
  id               integer primary key,
  name             text    not null unique,
  email            text,
  age              integer,
  gender           text,
  created          integer not null,
  last_login       integer,
  suspended_at     integer,
  suspended_until  integer,
  suspended_reason text,
  deleted_at       integer
) strict;

-- What the maintenance looks for, without reading every account.
create index account_suspended on account (suspended_until) where suspended_at is not null;
create index account_deleted   on account (deleted_at)      where deleted_at   is not null;

-- What proves a user. An account may hold two kinds while it moves from one to the other.
create table credential (
  account_id integer not null references account (id) on delete cascade,
  kind       text    not null check (kind in ('argon2id', 'opaque')),
  record     blob    not null,
  changed    integer not null,
  primary key (account_id, kind)
) strict, without rowid;

-- Ids are random, so that the id of an ended session never comes back as somebody else's.
create table session (
  id         integer primary key,
  token_hash blob    not null unique,
  account_id integer not null references account (id) on delete cascade,
  device     text    not null,
  source     text    not null,
  created    integer not null,
  last_used  integer not null,
  expires    integer not null
) strict;

create index session_account on session (account_id);
create index session_expires on session (expires);
create index session_last_used on session (last_used);

-- One one-time code an account at most.
create table reset_code (
  account_id integer primary key references account (id) on delete cascade,
  code_hash  blob    not null,
  expires    integer not null
) strict;

-- Operators are known by the pin of their certificate. A revoked pin stays, so that it cannot come back.
create table operator (
  pin     text    not null primary key,
  name    text    not null,
  role    text    not null check (role in ('viewer', 'helpdesk', 'admin')),
  created integer not null,
  revoked integer
) strict;

create table audit_event (
  id         integer primary key autoincrement,
  at         integer not null,
  actor_kind text    not null check (actor_kind in ('user', 'operator', 'server')),
  actor      text    not null,
  action     text    not null,
  subject    text    not null,
  source     text    not null,
  detail     text    not null
) strict;

-- What the operator's prompt may read. No secret column exists in any of them.

create view accounts as
  select a.name, a.email, a.age, a.gender,
         case when a.deleted_at   is not null then 'deleted'
              when a.suspended_at is not null then 'suspended'
              else 'active' end as status,
         coalesce((select min(c.kind) from credential c where c.account_id = a.id), 'none') as credential,
         strftime('%Y-%m-%dT%H:%M:%SZ', a.created, 'unixepoch')    as created,
         strftime('%Y-%m-%dT%H:%M:%SZ', a.last_login, 'unixepoch') as last_login
    from account a;

create view sessions as
  select printf('%016x', s.id) as id, a.name as account, s.device, s.source,
         strftime('%Y-%m-%dT%H:%M:%SZ', s.created, 'unixepoch')   as created,
         strftime('%Y-%m-%dT%H:%M:%SZ', s.last_used, 'unixepoch') as last_used,
         strftime('%Y-%m-%dT%H:%M:%SZ', s.expires, 'unixepoch')   as expires
    from session s join account a on a.id = s.account_id;

create view audit as
  select e.id, strftime('%Y-%m-%dT%H:%M:%SZ', e.at, 'unixepoch') as at,
         e.actor_kind, e.actor, e.action, e.subject, e.source, e.detail
    from audit_event e;

create view operators as
  select o.name, o.role, o.pin,
         strftime('%Y-%m-%dT%H:%M:%SZ', o.created, 'unixepoch') as created,
         strftime('%Y-%m-%dT%H:%M:%SZ', o.revoked, 'unixepoch') as revoked
    from operator o;

-- The table of the report that this grew from, without its passwords.
create view py3 as
  select a.name, '********' as pass, a.email, a.age from account a where a.deleted_at is null;
