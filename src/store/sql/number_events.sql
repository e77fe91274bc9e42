-- Gives positions to the events of ended transactions, in an order in which the events of each operation follow one
-- another. Returns the number of events that have a position now, and whether others are left.
--
-- An event is numbered once every transaction that began before its own has ended: only then no other event can still
-- appear before it. A transaction can get its ID before it waits for an operation, so an operation's event can have an
-- earlier transaction than the event before it. An event therefore counts as written by the latest transaction of the
-- events up to it.
with state as (
  select last_position, numbered_below from event_numbering
  for update skip locked
),
ended as (
  select least(pg_snapshot_xmin(pg_current_snapshot())::text::bigint, (
    -- At most about $1 events at once; the events of one transaction stay together.
    select e.xid + 1 from operation_events e
    where e.xid >= state.numbered_below
    order by e.xid
    offset $1 limit 1)) as below
  from state
),
candidates as (
  select e.operation_id, e.sequence, e.xid
  from state, ended, operation_events e
  where e.xid >= state.numbered_below and e.xid < ended.below
    and not exists (select 1 from event_feed f where f.operation_id = e.operation_id and f.sequence = e.sequence)
),
ranked as (
  select e.operation_id, e.sequence, e.xid, max(e.xid) over (partition by e.operation_id order by e.sequence) as reached
  from operation_events e
  where e.operation_id in (select operation_id from candidates)
    and e.sequence > coalesce((select max(f.sequence) from event_feed f where f.operation_id = e.operation_id), 0)
),
numbered as (
  insert into event_feed (position, operation_id, sequence)
  select state.last_position + row_number() over (order by ranked.reached, ranked.operation_id, ranked.sequence),
         ranked.operation_id, ranked.sequence
  from ranked, state, ended
  where ranked.reached < ended.below
  returning position
),
done as (
  update event_numbering n
  set last_position = n.last_position + (select count(*) from numbered),
      numbered_below = greatest(n.numbered_below, least(ended.below, (
        select min(ranked.xid) from ranked where ranked.reached >= ended.below)))
  from ended
)
select (select count(*) from numbered) as "numbered!",
       exists (select 1 from operation_events e, ended where e.xid >= ended.below) as "is_behind!"
from state
