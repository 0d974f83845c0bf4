-- What the register remembers of things outside it, such as which keys its credentials were made with.
create table fact (
  name  text not null primary key,
  value text not null
) strict;
