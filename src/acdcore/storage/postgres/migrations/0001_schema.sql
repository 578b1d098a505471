-- Agents and customers, the history of calls, work items, and what staff keep beside the configuration.
-- Keys are compared byte by byte (collate "C"): call ids sort by time of arrival whatever the server's locale.
-- History refers to agents and customers by plain values: a row is never refused because somebody was removed since.

create table agents (
    agent      text collate "C" primary key check (agent <> ''),
    name       text not null,
    ha1_md5    text not null,
    ha1_sha256 text not null,
    skills     jsonb not null,             -- {"service": 5}
    languages  text[] not null,
    is_active  boolean not null,
    declines   text[] not null default '{}',         -- kinds of contacts that the agent takes none of: call, callback, voicemail
    digest_algorithms text[] not null default '{}'   -- what the phone may authenticate with, in the order offered; empty: as the realm
        check (digest_algorithms <@ array['MD5', 'SHA-256']),
    allowed_networks  text[] not null default '{}',  -- from which the phone may register and call; empty: from anywhere
    caller_id  text not null default ''              -- shown on calls out that the agent makes; '': the queue's or the trunk's
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
    changed_at    timestamptz not null default now(),
    owner         text collate "C" check (owner <> ''), -- an agent's number
    region        text not null default ''
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
    outcome      text not null,             -- what the call came to
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
    figures      jsonb not null,
    end_cause    text,                        -- how the call ended
    served_by    text collate "C",            -- the last agent who talked to the caller
    segments     jsonb not null default '[]', -- its parts: queues, agents, external numbers
    agents       text[] not null default '{}', -- all agents in the segments, to be found by
    queues       text[] not null default '{}'
);
create index calls_by_arrival on calls (arrived_at);
create index calls_by_caller on calls (caller_key, call_id);
create index calls_by_customer on calls (customer_id, call_id) where customer_id is not null;
create index calls_by_agents on calls using gin (agents);
create index calls_by_queues on calls using gin (queues);

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

-- What was said in recordings; goes with the recording. Found by pairs of neighbouring characters: words of Chinese are not
-- set apart by blanks, most have two characters, and text search and trigrams of PostgreSQL find neither.
create table transcripts (
    call_id  text collate "C" not null,
    n        integer not null,
    at       timestamptz not null,       -- when it was written down
    language text not null,
    problem  text not null,              -- why there is none; '' when there is one
    parts    jsonb not null,             -- who said what when
    folded   text not null,              -- all of it as it is searched
    pairs    text[] not null,
    primary key (call_id, n),
    foreign key (call_id, n) references recordings (call_id, n) on delete cascade
);
create index transcripts_by_pairs on transcripts using gin (pairs);

-- The numbers of callers who withheld them, apart from everything that shows calls; only a right of its own reads them.
create table traces (
    call_id text collate "C" primary key,
    at      timestamptz not null,
    number  text not null
);
create index traces_by_time on traces (at);

create table agent_events (
    agent   text collate "C" not null,
    at      timestamptz not null,
    serial  integer not null,
    state   text not null,
    reason  text not null,
    call_id text collate "C",
    detail  jsonb not null,
    primary key (agent, at, serial)         -- finds each agent's last change before a moment
);
create index agent_events_by_call on agent_events (call_id) where call_id is not null;
create index agent_events_by_time on agent_events (at); -- for reports of occupancy

create table work_items_log (
    work_id    text collate "C" not null,
    serial     integer not null,
    at         timestamptz not null,
    item       jsonb not null,                -- all of it, as it stood from then on
    queue      text not null,
    kind       text not null,
    state      text not null,
    agent      text collate "C",
    number_key text collate "C" not null,
    primary key (work_id, serial)
);

-- The present: the log's latest row of each item, kept by the trigger below, so that the open ones are few to look at.
create table work_items (
    work_id    text collate "C" primary key,
    serial     integer not null,
    at         timestamptz not null,
    item       jsonb not null,
    queue      text not null,
    kind       text not null,
    state      text not null,
    agent      text collate "C",
    number_key text collate "C" not null,
    is_open    boolean not null generated always as (state in ('waiting', 'queued', 'in_progress')) stored
);
create index work_items_open on work_items (work_id) where is_open;
create index work_items_by_state on work_items (state, work_id);
create index work_items_by_queue on work_items (queue, work_id);
create index work_items_by_agent on work_items (agent, work_id) where agent is not null;
create index work_items_by_number on work_items (number_key, work_id) where number_key <> '';
create index work_items_by_recording on work_items ((item->>'recording')) where item->>'recording' <> '';

create function keep_work_item() returns trigger language plpgsql as $$
begin
    insert into work_items (work_id, serial, at, item, queue, kind, state, agent, number_key)
    values (new.work_id, new.serial, new.at, new.item, new.queue, new.kind, new.state, new.agent, new.number_key)
    on conflict (work_id) do update
        set serial = excluded.serial, at = excluded.at, item = excluded.item, queue = excluded.queue,
            kind = excluded.kind, state = excluded.state, agent = excluded.agent, number_key = excluded.number_key
        where excluded.serial > work_items.serial;
    return null;
end
$$;
create trigger keep_work_item after insert on work_items_log for each row execute function keep_work_item();

create table answers (
    call_id     text collate "C" not null,
    n           integer not null,
    at          timestamptz not null,
    flow        text not null,
    question    text not null,
    kind        text not null,
    value       text not null,
    agent       text collate "C",
    queue       text,
    customer_id bigint,
    primary key (call_id, n)
);
create index answers_by_time on answers (at);
create index answers_by_flow on answers (flow, call_id, n);
create index answers_by_agent on answers (agent, call_id, n) where agent is not null;
create index answers_by_queue on answers (queue, call_id, n) where queue is not null;

-- Each visit of a caller or a work item to one queue.
create table queue_visits (
    entry       text collate "C" not null,
    n           integer not null,
    call_id     text collate "C" not null,    -- the call or the work item
    queue       text not null,
    channel     text not null,
    joined_at   timestamptz not null,
    left_at     timestamptz not null,
    how         text not null,
    waited_s    double precision not null check (waited_s >= 0),
    is_in_time  boolean not null,
    agent       text collate "C",
    offers      integer not null,
    misses      integer not null,
    talked_s    double precision not null check (talked_s >= 0),
    wrap_up_s   double precision not null check (wrap_up_s >= 0),
    caller      text not null,
    customer_id bigint,
    announced_wait_s double precision,
    primary key (entry, n)
);
create index queue_visits_by_joining on queue_visits (joined_at, entry, n);
create index queue_visits_by_queue on queue_visits (queue, joined_at, entry, n);
create index queue_visits_by_agent on queue_visits (agent, joined_at, entry, n) where agent is not null;

create table screening (
    number_key text collate "C" primary key,  -- with a trailing * for every number that begins so
    number     text not null,
    verdict    text not null check (verdict in ('block', 'allow')),
    reason     text not null,
    until      timestamptz,
    by         text not null,
    at         timestamptz not null
);

create table forced_hours (
    calendar text primary key,
    is_open  boolean not null,
    until    timestamptz,
    by       text not null,
    at       timestamptz not null
);
