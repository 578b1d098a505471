-- The parts of a call: which queues, which agents, which numbers outside, and what it came to apart from how it ended.
-- Records of before are filled from their events; of those without any only the last agent and queue are known.

alter table calls
    add column end_cause text,                        -- how it ended; what it came to is the outcome
    add column served_by text collate "C",            -- the last agent who talked to the caller
    add column segments  jsonb not null default '[]',
    add column agents    text[] not null default '{}', -- everybody in the segments, to be found by
    add column queues    text[] not null default '{}';

create temporary table marks on commit drop as
select call_id, serial, at, kind, detail,
    lead(at) over one_call as next_at, lead(kind) over one_call as next_kind, lead(detail) over one_call as next_detail,
    lead(at, 2) over one_call as then_at, lead(kind, 2) over one_call as then_kind,
    lead(detail, 2) over one_call as then_detail,
    max(serial) filter (where kind = 'queued') over (partition by call_id order by serial) as queued
from call_events
where kind in ('queued', 'overflowed', 'reserved', 'connected', 'bridged', 'returned', 'talk_ended', 'ended')
    or (kind = 'sent' and detail->>'target' not like 'agent:%')
window one_call as (partition by call_id order by serial);

create index on marks (call_id, serial);

create temporary table parts on commit drop as
select call_id, serial,
    case when kind = 'queued' then 'queue' when detail->>'agent' is null then 'outside' else 'agent' end as kind,
    at as began_at,
    case when next_kind = 'bridged' then then_at else next_at end as ended_at,
    case when next_kind = 'bridged' then then_kind else next_kind end as end_kind,
    case when next_kind = 'bridged' then then_detail else next_detail end as end_detail,
    case when next_kind = 'bridged' then next_at end as talked_at,
    coalesce(detail->>'queue', (select q.detail->>'queue' from marks q
        where q.call_id = m.call_id and q.serial = m.queued)) as queue,
    detail->>'agent' as agent,
    coalesce(detail->>'outside', '') as number
from marks m
where kind in ('queued', 'connected') or (kind = 'reserved' and next_kind is distinct from 'connected');

create temporary table filled on commit drop as
select p.call_id,
    coalesce(array_agg(distinct p.agent) filter (where p.agent is not null), '{}') as agents,
    coalesce(array_agg(distinct p.queue) filter (where p.queue is not null), '{}') as queues,
    (array_agg(p.agent order by p.serial desc) filter (where p.agent is not null and p.talked_at is not null))[1]
        as served_by,
    (array_agg(p.agent is not null and p.talked_at is not null order by p.serial desc))[1] as is_talk_last,
    jsonb_agg(jsonb_build_object(
        'kind', p.kind,
        'began_at', p.began_at,
        'ended_at', coalesce(p.ended_at, c.ended_at),
        'end', case
            when p.end_kind in ('connected', 'reserved') then 'answered'
            when p.end_kind = 'overflowed' then 'overflowed'
            when p.end_kind in ('queued', 'sent') then 'transferred'
            when p.end_kind = 'returned' then 'no_talk'
            when p.end_kind = 'talk_ended' and p.end_detail->>'by' = 'system' then 'transferred'
            when p.end_kind = 'talk_ended' and p.kind = 'outside' then 'outside_hung_up'
            when p.end_kind = 'talk_ended' then 'agent_hung_up'
            when p.end_kind is null then 'crash'
            when c.outcome in ('media_lost', 'withdrawn', 'shutdown', 'failed', 'unanswered') then c.outcome
            when c.ended_by = 'caller' and p.kind = 'queue' then 'abandoned'
            when c.ended_by = 'caller' then 'caller_hung_up'
            when c.ended_by = 'agent' then 'agent_hung_up'
            else 'completed' end,
        'queue', p.queue,
        'agent', p.agent,
        'number', p.number,
        'trunk', '',
        'talk_s', coalesce(round(extract(epoch from coalesce(p.ended_at, c.ended_at) - p.talked_at)::numeric, 3), 0)
    ) order by p.serial) as segments
from parts p join calls c using (call_id)
group by p.call_id;

update calls c set
    end_cause = case
        when c.outcome in ('media_lost', 'withdrawn', 'shutdown', 'failed', 'unanswered') then c.outcome
        when c.outcome in ('refused_lines', 'refused_peer', 'refused_request', 'blocked') then 'refused'
        when c.ended_by = 'system' then 'completed'
        else 'hung_up' end,
    served_by = case when f.call_id is not null then f.served_by when c.outcome = 'answered' then c.agent end,
    outcome = case when f.is_talk_last and c.outcome in ('media_lost', 'withdrawn', 'shutdown', 'failed', 'unanswered')
        then 'answered' else c.outcome end,
    segments = coalesce(f.segments, '[]'),
    agents = case when c.agent = any(f.agents) or c.agent is null then coalesce(f.agents, '{}')
        else array_append(coalesce(f.agents, '{}'), c.agent) end,
    queues = case when c.queue = any(f.queues) or c.queue is null then coalesce(f.queues, '{}')
        else array_append(coalesce(f.queues, '{}'), c.queue) end
from calls known left join filled f on f.call_id = known.call_id
where c.call_id = known.call_id;

drop index calls_by_agent;
drop index calls_by_queue;
create index calls_by_agents on calls using gin (agents);
create index calls_by_queues on calls using gin (queues);
