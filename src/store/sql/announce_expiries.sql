-- Announces clusters that expire: an event of the last operation, and the stage that it stands for, so that it is written
-- once. At most $1 clusters. One that is locked is announced by the next statement.
with clock as (
  select to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as now,
         to_char((at + interval '1 hour') at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as in_an_hour,
         to_char((at + interval '24 hours') at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as in_a_day
  from now() as at
),
due as (
  select c.id, c.operation_id, c.name, c.desired ->> 'expires_at' as expires_at, next.stage
  from clock, clusters c
  join operations o on o.id = c.operation_id
  cross join lateral (
    select case when (c.desired ->> 'expires_at') collate "C" > clock.in_an_hour then 1
                when (c.desired ->> 'expires_at') collate "C" > clock.now
                  or not (c.status in ('available', 'updating') and (c.desired ->> 'deletion_protection')::boolean) then 2
                else 3 end as stage
  ) next
  where c.deleted_at is null and c.desired ->> 'expires_at' is not null and c.status <> 'deleting'
    and (c.desired ->> 'expires_at') collate "C" <= clock.in_a_day
    and c.expiry_stage < next.stage
  limit $1
  for update of o, c skip locked
),
staged as (
  update clusters c
  set expiry_stage = due.stage, version = c.version + 1
  from due
  where c.id = due.id
),
numbered as (
  update operations o
  set last_sequence = o.last_sequence + 1
  from due
  where o.id = due.operation_id
  returning o.id, o.last_sequence
)
insert into operation_events (operation_id, sequence, type, message, data)
select numbered.id, numbered.last_sequence,
       case due.stage when 3 then 'cluster_expiry_held' else 'cluster_expiring' end,
       case due.stage
         when 3 then format('%s expired at %s; its deletion protection holds the delete off', due.name, due.expires_at)
         else format('%s expires at %s and is deleted then', due.name, due.expires_at) end,
       jsonb_build_object('expires_at', due.expires_at)
from due
join numbered on numbered.id = due.operation_id
