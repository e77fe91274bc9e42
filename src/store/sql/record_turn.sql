-- Records a turn. $33: the turn also ends its operation, as `finish.rs` does for requests.
-- No row: the claim is no longer valid, and nothing was written.
with fence as (
  select id, kind, target, cluster_id, prior_status, ending, last_sequence, retry_requested, block_cause
  from operations
  -- An operation that has ended has no owner. The condition of the partial indexes is left out, because a plan that was
  -- made while the table was small would read such an index.
  where id = $1 and epoch = $2 and owner = $3
  for update
),
sent as (
  update intents
  set closed_at = clock_timestamp(), closed_order = nextval('engine_order'), outcome = $6
  from fence
  where intents.id = $5
  returning intents.operation_id, intents.call, intents.target, intents.opened_order, intents.outcome
),
settled as (
  update intents i
  -- The reads of this turn settled a call, so they are not older than it. Earlier attempts of the call that was sent
  -- are settled as well, because the call has taken effect.
  set closed_at = clock_timestamp(),
      outcome = case when i.id = any($7) or $8 then 'settled' else 'applied' end,
      closed_order = case when i.id = any($7) or $8 then $9 else nextval('engine_order') end
  from fence
  where i.cluster_id = fence.cluster_id and i.closed_at is null and i.id is distinct from $5
    and (i.id = any($7)
      or ($8 and i.operation_id = $1 and i.position = $4)
      or ($6 = 'applied' and i.operation_id = $1 and (i.call, i.target) = (select call, target from sent)))
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
  from fence,
       jsonb_to_recordset($10) as found (operation_id uuid, kind text, name text, arn text, owner text, presence text, reason text)
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
  select c.id,
         case when $11::jsonb is not null and coalesce($14 > observed_order, true) then $11 else observed end as observed,
         $11::jsonb is not null and coalesce($14 > observed_order, true) as is_newer,
         coalesce($13, desired) as desired,
         coalesce(details, '{}') || coalesce(jsonb_strip_nulls($12), '{}') as details,
         case when not $33 then status
              else coalesce(case when fence.ending = 'succeeded' then $34::text else $36 end, prior_status, 'available') end as status,
         case when $33 then case when fence.ending = 'succeeded' then $35::bool else $37 end else false end as is_gone,
         fence.ending
  from fence
  join clusters c on c.id = fence.cluster_id
  where $11::jsonb is not null or $12::jsonb is not null or $13::jsonb is not null or $28 or $33
  for update of c
),
cluster as (
  update clusters c
  set version = version + case when c.observed is distinct from seen.observed
        or c.desired is distinct from seen.desired or c.details is distinct from seen.details or $28 or $33 then 1 else 0 end,
      status = seen.status, desired = seen.desired, details = seen.details,
      deleted_at = case when seen.is_gone then now() else deleted_at end,
      drift_due = case when $33 then seen.status = 'available' else drift_due end,
      attention = case when $33 then case when seen.ending = 'failed' or seen.status = 'failed' then 'failed' end
                       when not $28 then attention
                       when $18 = 'blocked' then 'blocked' end,
      observed = case when not $33 or seen.status <> 'failed' then seen.observed end,
      observed_at = case when $33 and seen.status = 'failed' then null
                         when seen.is_newer then clock_timestamp() else observed_at end,
      observed_order = case when seen.is_newer then coalesce($14, nextval('engine_order')) else observed_order end,
      missing_at = case when seen.is_newer then null else missing_at end,
      missing_order = case when seen.is_newer then null else missing_order end,
      details_at = case when $12::jsonb is null then details_at else clock_timestamp() end
  from seen
  where c.id = seen.id
),
attempt as (
  insert into attempts (operation_id, position, number, epoch, outcome, call, fault)
  select fence.id, $4, (select coalesce(max(number), 0) + 1 from attempts where operation_id = $1 and position = $4),
         $2, $15, $16, $17
  from fence
  where $15::text is not null
),
step as (
  update operation_steps
  set status = $18, fault = $17, attempts = attempts + case when $15 is null then 0 else 1 end,
      started_at = coalesce(started_at, now()),
      -- The deadline of an unblocked or throttled step restarts: that time does not count.
      patience_from = case when $19 then now() else coalesce(patience_from, now()) end,
      finished_at = case when $20 then now() end,
      faults_in_row = case when $17::jsonb is null then 0 else faults_in_row + 1 end,
      blocks_in_row = case when $18 = 'blocked' then blocks_in_row + 1 else 0 end
  from fence
  where operation_id = fence.id and position = $4
),
-- The undo of a change keeps what AWS applied. Only a create and an adoption are undone completely.
undone as (
  update operation_steps
  set status = 'undone'
  from fence
  where $33::bool and fence.ending <> 'succeeded' and fence.kind in ('create_cluster', 'adopt_cluster')
    and operation_id = fence.id and position <> $4 and not undo and status = 'succeeded'
),
-- An operation that resumes wakes those that the same cause blocked.
woken as (
  update operations
  set wake_at = now()
  where $29 and id in (
    select other.id from operations other
    join fence on fence.block_cause = other.block_cause and fence.target = other.target
    where other.id <> fence.id and other.status = 'blocked' and other.owner is null
    for update of other skip locked)
),
-- One of the operations that the same cause blocks re-checks it often. The others re-check seldom, because their cause
-- may still be another one.
pause as (
  select case when $24::float8 is not null and $30::text is not null and exists (
                select 1 from operations
                where status = 'blocked' and block_cause = $30 and id <> $1 and target = (select target from fence)
                  and (owner is not null or wake_at < now() + interval '2 minutes'))
              then greatest($24, $31) else $24 end as seconds
),
operation as (
  update operations o
  set status = case when $33 then fence.ending
                    else coalesce($22, case when fence.ending = 'cancelled' then 'cancelling' else 'rolling_back' end) end,
      version = o.version + 1, waiting_for = $23,
      -- A worker that still holds a claim is fenced.
      finished_at = case when $33 then now() end, epoch = o.epoch + case when $33 then 1 else 0 end,
      -- The worker that takes the next turn as well keeps the operation, with a new lease.
      owner = case when $32::float8 is not null then o.owner end,
      lease_until = now() + $32 * interval '1 second',
      claims_without_progress = case when $32 is null then 0 else 1 end,
      retry_requested = false, block_cause = $30, last_sequence = o.last_sequence + cardinality($25::text[]),
      lane = case when o.kind = 'delete_cluster' or coalesce($22, 'undo') not in ('running', 'blocked') then 0 else 1 end,
      deadline_at = case when $19 then greatest(o.deadline_at, now() + least(o.deadline_at - o.created_at, interval '1 day'))
                         else o.deadline_at end,
      current_position = case when $21 then $4 + 1 else o.current_position end,
      current_step = case when $21 then (select name from operation_steps where operation_id = $1 and position = $4 + 1)
                          when not $33 then o.current_step end,
      wake_at = case when $33 then 'infinity'
                     when $32 is not null then now() + $32 * interval '1 second'
                     when fence.retry_requested then now()
                     else coalesce(now() + pause.seconds * interval '1 second', 'infinity') end
  from fence, pause
  where o.id = fence.id
  returning o.status,
            case when $33 then null when fence.retry_requested then 0 else pause.seconds end as wakes_after_seconds
),
event as (
  insert into operation_events (operation_id, sequence, type, message, data)
  -- The final event is the last one. Its type and its message end with the final status.
  select fence.id, fence.last_sequence + event.ordinality, event.type || final.status, event.message || final.status, event.data
  from fence, unnest($25::text[], $26::text[], $27::jsonb[]) with ordinality as event (type, message, data, ordinality),
       lateral (select case when $33 and event.ordinality = cardinality($25) then fence.ending else '' end as status) final
)
select status, wakes_after_seconds from operation
