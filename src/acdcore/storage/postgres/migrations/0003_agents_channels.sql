-- Kinds of contacts that an agent takes none of: call, callback, voicemail.
alter table agents add column declines text[] not null default '{}';
