-- The numbers of callers who withheld them, apart from everything that shows calls; only a right of its own reads them.
create table traces (
    call_id text collate "C" primary key,
    at      timestamptz not null,
    number  text not null
);
create index traces_by_time on traces (at);

-- The number that is shown on calls out that an agent makes; '' leaves it to the queue and the trunk.
alter table agents add column caller_id text not null default '';
