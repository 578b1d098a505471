-- What an agent's phone may prove itself with, in the order offered; empty: as the realm.
alter table agents add column digest_algorithms text[] not null default '{}'
    check (digest_algorithms <@ array['MD5', 'SHA-256']);
