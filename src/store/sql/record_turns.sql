-- Records turns of different operations, one for each object in $1 (`Columns` in `record/turn_row.rs`). $2: how often an
-- operation is re-checked whose cause another one checks more often, in seconds. An end ends the operation as well, as
-- `finish.rs` does for requests. A turn without a row: its claim is no longer valid, or not $3 and its operation is locked;
-- nothing of it was written.
with turn as (
  select t.*
  from unnest($1::jsonb[]) as given (turn)
  cross join lateral jsonb_to_record(given.turn) as t (
    operation_id uuid, epoch bigint, owner text, position int, intent bigint, outcome text, settled bigint[], read_order bigint,
    items jsonb, observed jsonb, observed_order bigint, details jsonb, desired jsonb, attempt text, call text, fault jsonb,
    step text, is_done bool, is_over bool, advances bool, restarts_deadline bool, changes_attention bool, unblocks bool,
    status text, waiting_for text, block_cause text, after_seconds float8, lease_seconds float8, events jsonb,
    is_end bool, succeeded text, succeeded_is_gone bool, otherwise text, otherwise_is_gone bool)
),
-- An operation that has ended has no owner. The condition of the partial indexes is left out, because a plan that was made
-- while the table was small would read such an index.
awaited as (
  select o.id, o.kind, o.target, o.cluster_id, o.prior_status, o.ending, o.last_sequence, o.retry_requested, o.block_cause
  from turn
  join operations o on o.id = turn.operation_id
  where $3 and o.epoch = turn.epoch and o.owner = turn.owner
  for update of o
),
-- One that is locked would delay the others.
free as (
  select o.id, o.kind, o.target, o.cluster_id, o.prior_status, o.ending, o.last_sequence, o.retry_requested, o.block_cause
  from turn
  join operations o on o.id = turn.operation_id
  where not $3 and o.epoch = turn.epoch and o.owner = turn.owner
  for update of o skip locked
),
fence as (
  select turn.*, o.id, o.kind, o.target, o.cluster_id, o.prior_status, o.ending, o.last_sequence, o.retry_requested,
         o.block_cause as known_cause
  from turn
  join (select * from awaited union all select * from free) o on o.id = turn.operation_id
),
sent as (
  update intents
  set closed_at = clock_timestamp(), closed_order = nextval('engine_order'), outcome = fence.outcome
  from fence
  where intents.id = fence.intent
  returning intents.operation_id, intents.call, intents.target, intents.opened_order, intents.outcome
),
settled as (
  update intents i
  -- The reads of a turn settled a call, so they are not older than it. Earlier attempts of the call that was sent
  -- are settled as well, because the call has taken effect.
  set closed_at = clock_timestamp(),
      outcome = case when i.id = any(fence.settled) or fence.is_done then 'settled' else 'applied' end,
      closed_order = case when i.id = any(fence.settled) or fence.is_done then fence.read_order else nextval('engine_order') end
  from fence
  where i.cluster_id = fence.cluster_id and i.closed_at is null and i.id is distinct from fence.intent
    and (i.id = any(fence.settled)
      or (fence.is_done and i.operation_id = fence.id and i.position = fence.position)
      or (fence.outcome = 'applied' and i.operation_id = fence.id
        and (i.call, i.target) = (select call, target from sent where sent.operation_id = fence.id)))
  returning i.operation_id, i.call, i.target, i.opened_order, i.outcome
),
audited as (
  insert into audit_records (caller, requested_for, action, decision, target, project, cluster, operation_id, subject, intent)
  select o.requested_by, o.requested_for, closed.call, closed.outcome, o.target, nullif(o.project, ''), o.cluster_name,
         closed.operation_id, closed.target, closed.opened_order
  -- An earlier attempt of a call that was sent again may never have been sent.
  from (
    select * from sent
    union all
    select operation_id, call, target, opened_order, 'settled' from settled) closed
  cross join lateral (
    select requested_by, requested_for, target, project, cluster_name from operations
    where id = closed.operation_id
    limit 1) o
),
item as (
  insert into inventory (cluster_id, operation_id, touched_by, kind, name, arn, owner, presence, reason)
  select fence.cluster_id, found.operation_id, fence.id, found.kind, found.name, found.arn, found.owner, found.presence,
         found.reason
  from fence
  cross join lateral jsonb_to_recordset(fence.items) as found (
    operation_id uuid, kind text, name text, arn text, owner text, presence text, reason text)
  -- `shared_rules.rs` says why a rule is locked.
  where found.kind <> 'security_group_rule' or found.arn is null
     or pg_advisory_xact_lock(hashtextextended(found.arn, 0)) is not null
  on conflict (cluster_id, kind, name) do update
  set operation_id = excluded.operation_id, touched_by = excluded.touched_by,
      arn = coalesce(excluded.arn, inventory.arn), owner = excluded.owner, presence = excluded.presence,
      reason = excluded.reason, changed_at = now(),
      recorded_at = case when excluded.presence = 'present' and (inventory.presence <> 'present'
                              or excluded.owner = 'managed' and inventory.operation_id <> excluded.operation_id)
                         then now() else inventory.recorded_at end
),
seen as (
  select c.id, fence.is_end, fence.ending, fence.step, fence.changes_attention, fence.observed_order as read_at,
         fence.details is not null as has_details, newer.is_newer,
         case when newer.is_newer then fence.observed else c.observed end as observed,
         coalesce(fence.desired, c.desired) as desired,
         coalesce(c.details, '{}') || coalesce(jsonb_strip_nulls(fence.details), '{}') as details,
         case when not fence.is_end then c.status
              else coalesce(case when fence.ending = 'succeeded' then fence.succeeded else fence.otherwise end,
                            fence.prior_status, 'available') end as status,
         fence.is_end and case when fence.ending = 'succeeded' then fence.succeeded_is_gone
                               else fence.otherwise_is_gone end as is_gone
  from fence
  join clusters c on c.id = fence.cluster_id
  cross join lateral (
    select fence.observed is not null and coalesce(fence.observed_order > c.observed_order, true) as is_newer) newer
  where fence.observed is not null or fence.details is not null or fence.desired is not null or fence.changes_attention
     or fence.is_end
  for update of c
),
cluster as (
  update clusters c
  set version = version + case when c.observed is distinct from seen.observed or c.desired is distinct from seen.desired
        or c.details is distinct from seen.details or seen.changes_attention or seen.is_end then 1 else 0 end,
      status = seen.status, desired = seen.desired, details = seen.details,
      deleted_at = case when seen.is_gone then now() else deleted_at end,
      drift_due = case when seen.is_end then seen.status = 'available' else drift_due end,
      attention = case when seen.is_end then case when seen.ending = 'failed' or seen.status = 'failed' then 'failed' end
                       when not seen.changes_attention then attention
                       when seen.step = 'blocked' then 'blocked' end,
      observed = case when not seen.is_end or seen.status <> 'failed' then seen.observed end,
      observed_at = case when seen.is_end and seen.status = 'failed' then null
                         when seen.is_newer then clock_timestamp() else observed_at end,
      observed_order = case when seen.is_newer then coalesce(seen.read_at, nextval('engine_order')) else observed_order end,
      missing_at = case when seen.is_newer then null else missing_at end,
      missing_order = case when seen.is_newer then null else missing_order end,
      details_at = case when seen.has_details then clock_timestamp() else details_at end
  from seen
  where c.id = seen.id
),
attempt as (
  insert into attempts (operation_id, position, number, epoch, outcome, call, fault)
  select fence.id, fence.position,
         (select coalesce(max(number), 0) + 1 from attempts where operation_id = fence.id and position = fence.position),
         fence.epoch, fence.attempt, fence.call, fence.fault
  from fence
  where fence.attempt is not null
),
step as (
  update operation_steps s
  set status = fence.step, fault = fence.fault, attempts = s.attempts + case when fence.attempt is null then 0 else 1 end,
      started_at = coalesce(s.started_at, now()),
      -- The deadline of an unblocked or throttled step restarts: that time does not count.
      patience_from = case when fence.restarts_deadline then now() else coalesce(s.patience_from, now()) end,
      finished_at = case when fence.is_over then now() end,
      faults_in_row = case when fence.fault is null then 0 else s.faults_in_row + 1 end,
      blocks_in_row = case when fence.step = 'blocked' then s.blocks_in_row + 1 else 0 end
  from fence
  where s.operation_id = fence.id and s.position = fence.position
),
-- The undo of a change keeps what AWS applied. Only a create and an adoption are undone completely.
undone as (
  update operation_steps s
  set status = 'undone'
  from fence
  where fence.is_end and fence.ending <> 'succeeded' and fence.kind in ('create_cluster', 'adopt_cluster')
    and s.operation_id = fence.id and s.position <> fence.position and not s.undo and s.status = 'succeeded'
),
-- An operation that resumes wakes those that the same cause blocked.
woken as (
  update operations
  set wake_at = now()
  where exists (select 1 from fence where unblocks) and id in (
    select other.id from operations other
    join fence on fence.known_cause = other.block_cause and fence.target = other.target
    where fence.unblocks and other.id <> fence.id and other.status = 'blocked' and other.owner is null
    for update of other skip locked)
),
-- One of the operations that the same cause blocks re-checks it often. The others re-check seldom, because their cause
-- may still be another one.
pause as (
  select fence.id,
         case when fence.after_seconds is not null and fence.block_cause is not null and exists (
                select 1 from operations other
                where other.status = 'blocked' and other.block_cause = fence.block_cause and other.id <> fence.id
                  and other.target = fence.target
                  and (other.owner is not null or other.wake_at < now() + interval '2 minutes'))
              then greatest(fence.after_seconds, $2) else fence.after_seconds end as seconds
  from fence
),
operation as (
  update operations o
  set status = case when fence.is_end then fence.ending
                    else coalesce(fence.status, case when fence.ending = 'cancelled' then 'cancelling' else 'rolling_back' end) end,
      version = o.version + 1, waiting_for = fence.waiting_for,
      -- A worker that still holds a claim is fenced.
      finished_at = case when fence.is_end then now() end, epoch = o.epoch + case when fence.is_end then 1 else 0 end,
      -- The worker that takes the next turn as well keeps the operation, with a new lease.
      owner = case when fence.lease_seconds is not null then o.owner end,
      lease_until = now() + fence.lease_seconds * interval '1 second',
      claims_without_progress = case when fence.lease_seconds is null then 0 else 1 end,
      retry_requested = false, block_cause = fence.block_cause,
      last_sequence = o.last_sequence + jsonb_array_length(fence.events),
      lane = case when o.kind = 'delete_cluster' or coalesce(fence.status, 'undo') not in ('running', 'blocked') then 0 else 1 end,
      deadline_at = case when fence.restarts_deadline
                         then greatest(o.deadline_at, now() + least(o.deadline_at - o.created_at, interval '1 day'))
                         else o.deadline_at end,
      current_position = case when fence.advances then fence.position + 1 else o.current_position end,
      current_step = case when fence.advances then (
                            select name from operation_steps where operation_id = fence.id and position = fence.position + 1)
                          when not fence.is_end then o.current_step end,
      wake_at = case when fence.is_end then 'infinity'
                     when fence.lease_seconds is not null then now() + fence.lease_seconds * interval '1 second'
                     when fence.retry_requested then now()
                     else coalesce(now() + pause.seconds * interval '1 second', 'infinity') end
  from fence
  join pause on pause.id = fence.id
  where o.id = fence.id
  returning o.id, o.status,
            case when fence.is_end then null when fence.retry_requested then 0 else pause.seconds end as wakes_after_seconds
),
event as (
  insert into operation_events (operation_id, sequence, type, message, data)
  -- The final event is the last one. Its type and its message end with the final status.
  select fence.id, fence.last_sequence + event.ordinality, event.type || final.status, event.message || final.status, event.data
  from fence
  cross join lateral rows from (jsonb_to_recordset(fence.events) as (kind text, message text, data jsonb))
    with ordinality as event (type, message, data, ordinality)
  cross join lateral (
    select case when fence.is_end and event.ordinality = jsonb_array_length(fence.events) then fence.ending else '' end
  ) as final (status)
)
select id, status, wakes_after_seconds from operation
