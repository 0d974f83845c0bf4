-- The sessions of an account in the order of their use, without reading their rows: each login looks for the 33rd.
drop index session_account;
create index session_account on session (account_id, last_used);
