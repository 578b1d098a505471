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
create index work_items_by_recording on work_items ((item->>'recording')) where item->>'recording' <> '';
