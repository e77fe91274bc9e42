-- Gives positions to the events of ended transactions, in an order in which the events of each operation follow one
-- another, and to audit records in the order of their transactions. Returns the numbers of events and records that have a
-- position now, and whether others are left.
--
-- An event is numbered once every transaction that began before its own has ended: only then no other event can still
-- appear before it. A transaction can get its ID before it waits for an operation, so an operation's event can have an
-- earlier transaction than the event before it. An event therefore counts as written by the latest transaction of the
-- events up to it.
with state as (
  select last_position, numbered_below, last_audit_position,
         pg_snapshot_xmin(pg_current_snapshot())::text::bigint as ended_below
  from event_numbering n
  -- Another process can number between the snapshot and the lock. Then the row is not locked: for it, the tables that
  -- are not locked would be out of date. `seen` is the row of the snapshot, also when the lock re-evaluates the condition.
  where (n.last_position, n.last_audit_position, n.numbered_below) =
        (select seen.last_position, seen.last_audit_position, seen.numbered_below from event_numbering seen)
  for update of n skip locked
),
ended as (
  select least(state.ended_below, (
    -- At most about $1 events at once; the events of one transaction stay together.
    select e.xid + 1 from operation_events e
    where e.xid >= state.numbered_below
    order by e.xid
    offset $1 limit 1)) as below
  from state
),
candidates as (
  select e.operation_id, e.sequence
  from state, ended
  -- A limit, here and below, keeps the lookup by index, also in a plan that was made when the table was empty.
  cross join lateral (
    select operation_id, sequence from operation_events
    where xid >= state.numbered_below and xid < ended.below
    order by xid
    limit $1 * 1000
  ) e
  where (select f.position from event_feed f where f.operation_id = e.operation_id and f.sequence = e.sequence) is null
),
operations_of_candidates as (
  select operation_id, coalesce((
    select f.sequence from event_feed f
    where f.operation_id = candidates.operation_id
    order by f.sequence desc
    limit 1), 0) as numbered
  from candidates
  group by operation_id
),
ranked as (
  select o.operation_id, e.sequence, e.xid, max(e.xid) over (partition by o.operation_id order by e.sequence) as reached
  from operations_of_candidates o
  cross join lateral (
    select sequence, xid from operation_events
    where operation_id = o.operation_id and sequence > o.numbered
    order by sequence
    limit $1 * 1000
  ) e
),
numbered as (
  insert into event_feed (position, operation_id, sequence)
  select state.last_position + row_number() over (order by ranked.reached, ranked.operation_id, ranked.sequence),
         ranked.operation_id, ranked.sequence
  from ranked, state, ended
  where ranked.reached < ended.below
  returning position
),
unnumbered as (
  select r.id, row_number() over (order by r.xid, r.id) as rank
  from state
  cross join lateral (
    select id, xid from audit_records
    where position is null and xid < state.ended_below
    order by xid, id
    limit $1
  ) r
),
audited as (
  update audit_records r
  set position = state.last_audit_position + u.rank
  from state, unnumbered u
  where r.id = u.id and r.position is null
  returning r.position
),
done as (
  update event_numbering n
  set last_audit_position = n.last_audit_position + (select count(*) from audited),
      last_position = n.last_position + (select count(*) from numbered),
      numbered_below = greatest(n.numbered_below, least(ended.below, (
        select min(ranked.xid) from ranked where ranked.reached >= ended.below)))
  from ended
)
select (select count(*) from numbered) as "numbered!", (select count(*) from audited) as "audited!",
       coalesce((select xid from operation_events order by xid desc limit 1) >= (select below from ended), false)
         or (select count(*) from unnumbered) >= $1
         or coalesce((select xid from audit_records where position is null order by xid desc, id desc limit 1)
                     >= state.ended_below, false) as "is_behind!"
from state
