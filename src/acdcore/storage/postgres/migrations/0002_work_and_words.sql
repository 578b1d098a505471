-- Work items, answers and stays; what staff keep beside the configuration; owner and region of customers.

alter table customers
    add column owner  text collate "C" check (owner <> ''), -- an agent's number
    add column region text not null default '';

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
    is_open    boolean not null generated always as (state in ('waiting', 'queued', 'in_hand')) stored
);
create index work_items_open on work_items (work_id) where is_open;
create index work_items_by_state on work_items (state, work_id);
create index work_items_by_queue on work_items (queue, work_id);
create index work_items_by_agent on work_items (agent, work_id) where agent is not null;
create index work_items_by_number on work_items (number_key, work_id) where number_key <> '';

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

create table stays (
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
    promised_s  double precision,
    primary key (entry, n)
);
create index stays_by_joining on stays (joined_at, entry, n);
create index stays_by_queue on stays (queue, joined_at, entry, n);
create index stays_by_agent on stays (agent, joined_at, entry, n) where agent is not null;

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
