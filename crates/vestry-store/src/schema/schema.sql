-- The database. Times are seconds since 1970-01-01T00:00:00Z, but where a name ends in _ms. After a release this file never
-- changes: what comes is a migration of its own.

-- `name_key` and `oprf_id` are made by the server with a seed that is not here (credentials/names.rs). The OPRF identifier is
-- an account's for life, whatever becomes of its name, and never another's. Neither does its number come back: audit events name
-- it.
create table account (
  id               integer primary key autoincrement,
  name             text    not null unique,
  name_key         blob    not null,
  oprf_id          blob    not null unique,
  email            text,
  age              integer,
  gender           text,
  created          integer not null,
  last_login       integer,
  suspended_at     integer,
  suspended_until  integer,
  suspended_reason text,
  deleted_at       integer,
  status           text generated always as (
    case when deleted_at   is not null then 'deleted'
         when suspended_at is not null then 'suspended'
         else 'active' end) virtual
) strict;

-- What the maintenance looks for, without reading every account.
create index account_suspended on account (suspended_until) where suspended_at is not null;
create index account_deleted   on account (deleted_at)      where deleted_at   is not null;

-- The operator's pages walk the accounts in the order of their names. What is short and often asked for lies beside the name,
-- so that a page that leaves most accounts out does not read them: in a large database each would be a page of its own.
create index account_by_name on account (name, age, gender, status, created);

-- How often a name was given up, under a keyed hash of it: the next account of that name gets another OPRF identifier. The
-- triggers count, so that no statement that takes a name away can forget to.
create table name_given_up (
  name_key   blob    not null primary key,
  generation integer not null
) strict, without rowid;

create trigger name_given_up_by_removal after delete on account begin
  insert into name_given_up (name_key, generation) values (old.name_key, 1)
      on conflict (name_key) do update set generation = generation + 1;
  delete from throttle_lane where name = old.name and name <> '';
end;

create trigger name_given_up_by_change after update of name, name_key on account when old.name_key <> new.name_key begin
  insert into name_given_up (name_key, generation) values (old.name_key, 1)
      on conflict (name_key) do update set generation = generation + 1;
  delete from throttle_lane where name = new.name and name <> '';
  update throttle_lane set name = new.name where name = old.name and name <> '';
end;

-- What proves a user: an OPAQUE record, or a sealed password hash that was imported, until its first login. `is_weak` says
-- that the password breaks a rule of new ones. When a one-time code set it, who issued the code and when. `generation` is that of
-- the OPAQUE key that the record was made with, and `moved` when it was made anew because that key was replaced.
create table credential (
  account_id     integer primary key references account (id) on delete cascade,
  kind           text    not null check (kind in ('opaque', 'imported')),
  record         blob    not null,
  generation     integer references opaque_key (generation),
  changed        integer not null,
  moved          integer,
  is_weak        integer not null default 0,
  code_issued_by text,
  code_issued_at integer
) strict;

-- The generations of the OPAQUE key: one, and a second while records move to it. Which key each is, is a fact. `records` is counted
-- by the triggers. `share` is how far names without a record have followed; it never falls, so that none goes back.
create table opaque_key (
  generation integer primary key,
  began      integer not null,
  records    integer not null default 0,
  share      real    not null default 0
) strict;

insert into opaque_key (generation, began) values (1, 0);

create index credential_generation on credential (generation) where generation is not null;

create trigger record_added after insert on credential when new.generation is not null begin
  update opaque_key set records = records + 1 where generation = new.generation;
end;

create trigger record_removed after delete on credential when old.generation is not null begin
  update opaque_key set records = records - 1 where generation = old.generation;
end;

create trigger record_moved after update of generation on credential when old.generation is not new.generation begin
  update opaque_key set records = records - 1 where generation = old.generation;
  update opaque_key set records = records + 1 where generation = new.generation;
end;

create trigger names_follow after update of records on opaque_key begin
  update opaque_key set share = max(share, coalesce(1.0 * records / (select sum(records) from opaque_key), 0))
   where generation = (select max(generation) from opaque_key) and (select count(*) from opaque_key) > 1;
end;

-- Ids ascend with time and end in random bits, so that the id of an ended session never comes back as another's.
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

-- Why a session ended before its time, for whoever shows its token until then. `reason` is the number of the protocol.
create table session_end (
  id         integer primary key,
  token_hash blob    not null unique,
  reason     integer not null,
  until      integer not null
) strict;

create index session_end_until on session_end (until);

-- The sessions of an account in the order of their use, without reading their rows: each login looks for the 33rd.
create index session_account   on session (account_id, last_used);
create index session_expires   on session (expires);
create index session_last_used on session (last_used);

-- One one-time code an account at most, and how often it had the server evaluate a new password.
create table reset_code (
  account_id  integer primary key references account (id) on delete cascade,
  code_hash   blob    not null,
  issued_by   text    not null,
  issued_at   integer not null,
  expires     integer not null,
  evaluations integer not null default 0,
  -- When it set a password: it says so for some minutes, to whoever lost the answer.
  used        integer
) strict;

-- The same for all codes of an account, a row an evaluation, for a day.
create table reset_evaluation (
  id         integer primary key,
  account_id integer not null references account (id) on delete cascade,
  at         integer not null
) strict;

create index reset_evaluation_account on reset_evaluation (account_id, at);
create index reset_evaluation_at      on reset_evaluation (at);

-- Failures in a row, a lane each, or how full a bucket is. What a lane may do is the server's; here is how far it has come.
-- `subject` is an OPRF identifier, the number of a session or a device, or a prefix; `name` is the account's, or that of a name
-- without one; empty in lanes of sources.
-- `unseen` counts the failures that the account's user was not told of yet; only lane 'account' has them.
create table throttle_lane (
  lane        text    not null,
  subject     text    not null,
  name        text    not null,
  failures    integer not null,
  unseen      integer not null,
  failed_at   integer not null,
  open_at     integer not null,
  drained_ms  integer not null,
  primary key (lane, subject)
) strict, without rowid;

create index throttle_lane_failed_at on throttle_lane (failed_at);
create index throttle_lane_open_at   on throttle_lane (open_at);
create index throttle_lane_name      on throttle_lane (name) where name <> '';

-- Devices that logged in before: strangers' failures do not throttle who holds such a token. `session_id` is the session that it
-- was handed out in, which may have ended.
create table device (
  id         integer primary key,
  account_id integer not null references account (id) on delete cascade,
  session_id integer not null,
  device     text    not null,
  token_hash blob    not null unique,
  created    integer not null,
  last_used  integer not null
) strict;

create index device_account   on device (account_id, last_used);
create index device_last_used on device (last_used);

-- Operators are known by the pin of their certificate. A revoked pin stays, so that it cannot come back.
create table operator (
  pin     text    not null primary key,
  name    text    not null,
  role    text    not null check (role in ('viewer', 'helpdesk', 'admin')),
  created integer not null,
  revoked integer
) strict;

-- Audit events name accounts by number (`account:17`) and names without one by OPRF identifier (`name:` and hexadecimal). What
-- these are called is in the account, and here when there is none (any more): outside the chain, so that it can be erased.
-- `seen` is when an event last named it, to the day.
create table audit_name (
  subject text    not null primary key,
  name    text    not null,
  seen    integer not null
) strict, without rowid;

create index audit_name_seen on audit_name (seen);

create trigger audit_name_kept after delete on account begin
  insert or replace into audit_name (subject, name, seen)
      select 'account:' || old.id, old.name, coalesce(max(at), 0) from audit_event
       where id = (select max(id) from audit_event);
end;

-- Each event is tied to the one before it by a MAC under a key that is not here. The chain gives each event its number, and its
-- sealed head keeps it from coming back: SQLite need not count as well, on a page that every commit would write.
create table audit_event (
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

-- Places in the chain, each sealed under the same key: 'older' is the last event from before it, 'purged' the last one that was
-- removed because it was old, 'head' the newest.
create table audit_mark (
  name  text    not null primary key check (name in ('older', 'purged', 'head')),
  id    integer not null,
  value blob    not null,
  seal  blob    not null
) strict, without rowid;

-- What the database remembers of things outside it, such as which keys its credentials were made with.
create table fact (
  name  text not null primary key,
  value text not null
) strict;

-- How far the database has aged, which is at most as far as the clock (aging.rs); what the clock said then; and its last jump.
create table age (
  id          integer primary key check (id = 1),
  aged_to     integer not null,
  seen        integer not null,
  jumped_from integer,
  jumped_to   integer
) strict;

-- What the operator's prompt may read. No secret column exists in any of them.

create view accounts as
  select a.name, a.email, a.age, a.gender, a.status,
         coalesce((select c.kind from credential c where c.account_id = a.id), 'none') as credential,
         strftime('%Y-%m-%dT%H:%M:%SZ', a.created, 'unixepoch')    as created,
         strftime('%Y-%m-%dT%H:%M:%SZ', a.last_login, 'unixepoch') as last_login,
         strftime('%Y-%m-%dT%H:%M:%SZ', a.suspended_until, 'unixepoch') as suspended_until,
         a.suspended_reason
    from account a;

create view sessions as
  select printf('%016x', s.id) as id, a.name as account, s.device, s.source,
         strftime('%Y-%m-%dT%H:%M:%SZ', s.created, 'unixepoch')   as created,
         strftime('%Y-%m-%dT%H:%M:%SZ', s.last_used, 'unixepoch') as last_used,
         strftime('%Y-%m-%dT%H:%M:%SZ', s.expires, 'unixepoch')   as expires
    from session s join account a on a.id = s.account_id;

create view audit as
  select e.id, strftime('%Y-%m-%dT%H:%M:%SZ', e.at, 'unixepoch') as at,
         e.actor_kind,
         coalesce((select a.name from account a
                    where substr(e.actor, 1, 8) = 'account:' and a.id = cast(substr(e.actor, 9) as integer)),
                  (select n.name from audit_name n where n.subject = e.actor), e.actor) as actor,
         e.action,
         coalesce((select a.name from account a
                    where substr(e.subject, 1, 8) = 'account:' and a.id = cast(substr(e.subject, 9) as integer)),
                  (select n.name from audit_name n where n.subject = e.subject), e.subject) as subject,
         e.source, e.detail
    from audit_event e;

create view operators as
  select o.name, o.role, o.pin,
         strftime('%Y-%m-%dT%H:%M:%SZ', o.created, 'unixepoch') as created,
         strftime('%Y-%m-%dT%H:%M:%SZ', o.revoked, 'unixepoch') as revoked
    from operator o;

create view throttle as
  select t.lane || ' ' || case
           when t.name = '' then t.subject
           when t.lane in ('account', 'devices') then t.name
           else t.name || '/' || t.subject end as lane,
         t.failures,
         strftime('%Y-%m-%dT%H:%M:%SZ', t.failed_at, 'unixepoch') as failed,
         strftime('%Y-%m-%dT%H:%M:%SZ', t.open_at, 'unixepoch')   as opens
    from throttle_lane t where t.failures > 0;

-- The table of the report that this grew from, without its passwords.
create view py3 as
  select a.name, '********' as pass, a.email, a.age from account a where a.deleted_at is null;
