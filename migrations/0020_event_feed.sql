-- The events of all operations in one order, for readers that must miss none.

-- The transaction that inserted the row. Existing rows get the one of this migration.
alter table operation_events add column xid bigint not null default pg_current_xact_id()::text::bigint;
create index operation_events_by_xid on operation_events (xid);

create table event_feed (
    position bigint primary key,
    operation_id uuid not null,
    sequence bigint not null,
    unique (operation_id, sequence)
);
comment on table event_feed is 'the order of events: positions are dense and never change';

create table event_numbering (
    singleton boolean primary key default true check (singleton),
    generation integer not null default 1,
    last_position bigint not null default 0,
    numbered_below bigint not null,
    pruned_through bigint not null default 0
);
comment on column event_numbering.generation is 'raised after a restore: positions of an earlier generation may belong to lost events';
comment on column event_numbering.numbered_below is 'each event of an earlier transaction has a position';
comment on column event_numbering.pruned_through is 'the last position that retention deleted';

insert into event_feed (position, operation_id, sequence)
select row_number() over (order by reached_at, operation_id, sequence), operation_id, sequence
from (
  -- Clocks can move back; the sequence cannot.
  select operation_id, sequence, max(at) over (partition by operation_id order by sequence) as reached_at
  from operation_events
) events;

insert into event_numbering (last_position, numbered_below)
select (select count(*) from event_feed), pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
