-- Agents, customers and the history of calls.
-- Keys are compared byte by byte (collate "C"): call ids sort by time of arrival whatever the server's locale.
-- History refers to agents and customers by plain values: a row is never refused because somebody was removed since.

create table agents (
    agent      text collate "C" primary key check (agent <> ''),
    name       text not null,
    ha1_md5    text not null,
    ha1_sha256 text not null,
    skills     jsonb not null,             -- {"service": 5}
    languages  text[] not null,
    is_active  boolean not null
);

create table customers (
    id            bigint generated always as identity primary key,
    name          text not null check (name <> ''),
    tier          text not null check (tier in ('standard', 'silver', 'gold', 'vip')),
    language      text not null,
    numbers       text[] not null,
    member_number text collate "C" unique,
    plates        text[] not null,
    address       text not null,
    note          text not null,
    version       integer not null,
    changed_at    timestamptz not null default now()
);

create table calls (
    call_id      text collate "C" primary key,
    direction    text not null,
    trunk        text not null,
    caller       text not null,
    caller_key   text collate "C" not null, -- the number without the ways of writing it
    dialled      text not null,
    flow         text not null,
    queue        text,
    agent        text collate "C",
    customer_id  bigint,
    outcome      text not null,
    ended_by     text not null,
    arrived_at   timestamptz not null,
    answered_at  timestamptz,
    queued_at    timestamptz,
    connected_at timestamptz,
    ended_at     timestamptz not null,
    wait_s       double precision not null check (wait_s >= 0),
    ring_s       double precision not null check (ring_s >= 0),
    talk_s       double precision not null check (talk_s >= 0),
    overflowed_to text not null,
    recording    text not null,
    figures      jsonb not null
);
create index calls_by_arrival on calls (arrived_at);
create index calls_by_caller on calls (caller_key, call_id);
create index calls_by_agent on calls (agent, call_id);
create index calls_by_queue on calls (queue, call_id);
create index calls_by_customer on calls (customer_id, call_id) where customer_id is not null;

create table call_events (
    call_id text collate "C" not null,
    serial  integer not null,
    at      timestamptz not null,
    kind    text not null,
    detail  jsonb not null,
    primary key (call_id, serial)
);

create table recordings (
    call_id     text collate "C" not null,
    n           integer not null,
    path        text not null,
    started_at  timestamptz not null,
    duration_s  double precision not null check (duration_s >= 0),
    size_bytes  bigint not null check (size_bytes >= 0),
    agent       text collate "C",
    queue       text,
    caller      text not null,
    caller_key  text collate "C" not null,
    is_repaired boolean not null,
    primary key (call_id, n)
);
create index recordings_by_start on recordings (started_at);
create index recordings_by_caller on recordings (caller_key, call_id);
create index recordings_by_agent on recordings (agent, call_id);

create table agent_events (
    agent   text collate "C" not null,
    at      timestamptz not null,
    serial  integer not null,
    state   text not null,
    reason  text not null,
    call_id text collate "C",
    detail  jsonb not null,
    primary key (agent, at, serial)
);
create index agent_events_by_call on agent_events (call_id) where call_id is not null;
