-- What became of an account, as a column that an index can hold.
alter table account add column status text generated always as (
  case when deleted_at   is not null then 'deleted'
       when suspended_at is not null then 'suspended'
       else 'active' end) virtual;

-- The operator's pages walk the accounts in the order of their names. What is short and often asked for lies beside the name,
-- so that a page that leaves most accounts out does not read them: in a large register each would be a page of its own.
create index account_by_name on account (name, age, gender, status, created);

drop view accounts;
create view accounts as
  select a.name, a.email, a.age, a.gender, a.status,
         coalesce((select min(c.kind) from credential c where c.account_id = a.id), 'none') as credential,
         strftime('%Y-%m-%dT%H:%M:%SZ', a.created, 'unixepoch')    as created,
         strftime('%Y-%m-%dT%H:%M:%SZ', a.last_login, 'unixepoch') as last_login
    from account a;
