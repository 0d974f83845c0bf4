-- Failures in a row, a lane each. What a lane may do is the server's; here is how far it has come and when it opens again.
-- `unseen` counts the failures that the account's user was not told of yet; only lane 'account' has them.
create table throttle_lane (
  lane      text    not null check (lane in ('account', 'device', 'session', 'reset', 'source')),
  subject   text    not null,
  failures  integer not null,
  unseen    integer not null,
  failed_at integer not null,
  open_at   integer not null,
  primary key (lane, subject)
) strict, without rowid;

create index throttle_lane_failed_at on throttle_lane (failed_at);

-- Devices that logged in before: whoever holds such a token is not held up by what strangers do.
create table device (
  id         integer primary key,
  account_id integer not null references account (id) on delete cascade,
  token_hash blob    not null unique,
  created    integer not null,
  last_used  integer not null
) strict;

create index device_account   on device (account_id, last_used);
create index device_last_used on device (last_used);

create view throttle as
  select t.lane || ' ' || t.subject as lane, t.failures,
         strftime('%Y-%m-%dT%H:%M:%SZ', t.failed_at, 'unixepoch') as failed,
         strftime('%Y-%m-%dT%H:%M:%SZ', t.open_at, 'unixepoch')   as opens
    from throttle_lane t where t.failures > 0;
