-- The networks from which an agent's phone may register and call; empty: from anywhere.
alter table agents add column allowed_networks text[] not null default '{}';
