-- Claims a due operation of the target $9: of the first caller after $6, in a round, who has one; in the lane $7 before
-- the other lane; the most overdue. No row: nothing is due. A row without an id: other processes are claiming what this
-- caller has.
--
-- The task is read in the same statement, so from the same snapshot. A row that was changed after the snapshot is not
-- claimed: for it, the tables that are not locked would be out of date. `seen` is the row of the snapshot, also when
-- the lock re-evaluates the condition with the changed row.
with recursive callers as (
  (select requested_by from operations where finished_at is null and target = $9 order by requested_by limit 1)
  union all
  select (select o.requested_by from operations o
          where o.finished_at is null and o.target = $9 and o.requested_by > callers.requested_by
          order by o.requested_by limit 1)
  from callers
  where callers.requested_by is not null
),
caller as (
  select c.requested_by
  from callers c
  where c.requested_by is not null
    and exists (
      select 1 from (values (0), (1)) lanes (lane)
      cross join lateral (
        select 1 from operations o
        where o.finished_at is null and o.target = $9 and o.requested_by = c.requested_by and o.lane = lanes.lane
          and o.wake_at <= now() and o.kind = any($3) and o.current_step = any($4) and o.spec_version <= $5
        limit 1
      ) due)
  order by c.requested_by <= $6, c.requested_by
  limit 1
),
preferred as (
  select o.id from operations o
  where o.finished_at is null and o.target = $9 and o.requested_by = (select requested_by from caller) and o.lane = $7
    and o.wake_at <= now() and o.kind = any($3) and o.current_step = any($4) and o.spec_version <= $5
    and (o.epoch, o.version) = (select seen.epoch, seen.version from operations seen where seen.id = o.id)
  order by o.wake_at
  limit 1
  for update skip locked
),
other as (
  select o.id from operations o
  where not exists (select 1 from preferred)
    and o.finished_at is null and o.target = $9 and o.requested_by = (select requested_by from caller) and o.lane = 1 - $7
    and o.wake_at <= now() and o.kind = any($3) and o.current_step = any($4) and o.spec_version <= $5
    and (o.epoch, o.version) = (select seen.epoch, seen.version from operations seen where seen.id = o.id)
  order by o.wake_at
  limit 1
  for update skip locked
),
claimed as (
  update operations
  set epoch = epoch + 1, owner = $1,
      lease_until = now() + $2::float8 * interval '1 second',
      wake_at = now() + $2::float8 * interval '1 second',
      claims_without_progress = claims_without_progress + 1,
      retry_requested = false,
      started_at = coalesce(started_at, now()),
      version = version + case when status = 'pending' then 1 else 0 end,
      status = case when status = 'pending' then 'running' else status end
  where id = coalesce((select id from preferred), (select id from other))
  returning id, epoch, claims_without_progress, kind, status, spec, cluster_id, cluster_name, created_at, deadline_at,
            current_position, project, traceparent
)
select caller.requested_by as "caller!", claimed.id as "id?", claimed.epoch as "epoch?",
       claimed.claims_without_progress as "claims_without_progress?",
       case when claimed.id is not null then json_build_object(
         'kind', claimed.kind, 'project', claimed.project, 'requested_by', caller.requested_by, 'traceparent', claimed.traceparent,
         'status', claimed.status, 'spec', claimed.spec, 'cluster', claimed.cluster_name,
         'created_at', claimed.created_at, 'deadline_at', claimed.deadline_at, 'now', clock_timestamp(), 'read_order', nextval('engine_order'),
         'installation_id', (select id from installation),
         'step', (
           select to_json(step) from (
             select position, name, undo, attempts, faults_in_row, blocks_in_row, patience_from, fault,
                    position = (select max(position) from operation_steps where operation_id = claimed.id) as is_last
             from operation_steps where operation_id = claimed.id and position = claimed.current_position) step),
         'observation', (
           select to_json(observation) from (
             select observed, observed_at, observed_order, missing_at, missing_order,
                    (select done_at from duties where target = $9 and name = 'poll') as polled_at,
                    last_call.at as last_call_at, last_call.position as last_call_order
             from clusters
             cross join (
               select max(coalesce(closed_at, opened_at)) as at, max(coalesce(closed_order, opened_order)) as position
               from intents
               where cluster_id = claimed.cluster_id and call like 'dax:%' and outcome is distinct from 'refused'
             ) last_call
             where id = claimed.cluster_id) observation),
         'inventory', (
           select coalesce(json_agg(item), '[]') from (
             select kind, name, arn, owner, presence, reason, operation_id, recorded_at
             from inventory where cluster_id = claimed.cluster_id order by id) item),
         'shared_rules', (
           select coalesce(json_object_agg(other.name, c.name), '{}')
           from inventory own
           join inventory other on other.name = own.name and other.cluster_id <> own.cluster_id
           cross join lateral (
             -- No condition of a partial index: a plan made while the table was small would read that index.
             select name from clusters
             where id = other.cluster_id and target = $9 and coalesce(deleted_at, 'infinity') = 'infinity'
               and status not in ('deleting', 'failed')
             limit 1) c
           where own.cluster_id = claimed.cluster_id
             and own.kind = 'security_group_rule' and own.owner = 'managed' and own.presence = 'present'
             and other.kind = 'security_group_rule' and other.owner = 'managed' and other.presence = 'present'),
         'rule_removals', (
           select coalesce(json_agg(removal), '[]') from (
             select i.target as rule_arn, bool_or(i.closed_at is null) as is_open
             from inventory own
             join intents i on i.target = own.arn and i.cluster_id <> own.cluster_id
             where own.cluster_id = claimed.cluster_id and own.kind = 'security_group_rule'
               and i.call = 'ec2:RevokeSecurityGroupIngress' and coalesce(i.outcome, 'applied') = 'applied'
             group by i.target) removal),
         'role_users', (
           select json_agg(u.cluster_name) from role_users u
           join inventory i on i.arn = u.role_arn and i.kind = 'role' and i.owner = 'managed'
           where i.cluster_id = claimed.cluster_id),
         'role_users_are_recent', (
           select coalesce(listed_at > now() - $8::float8 * interval '1 second', false) from duties where target = $9 and name = 'poll'),
         'done_calls', (
           select coalesce(json_agg(done), '[]') from (
             select mutation, closed_at, outcome = 'applied' as is_confirmed
             from intents where operation_id = claimed.id and outcome in ('applied', 'settled') order by id) done),
         'confirmed_deletions', (
           select coalesce(json_agg(deletion), '[]') from (
             select call, target, max(opened_at) as opened_at
             from intents
             where cluster_id = claimed.cluster_id and outcome = 'applied'
               and (call like '%:Delete%' or call = 'ec2:RevokeSecurityGroupIngress')
             group by call, target) deletion),
         'open_intents', (
           select coalesce(json_agg(open), '[]') from (
             select id, operation_id, position, mutation, opened_at
             from intents where cluster_id = claimed.cluster_id and closed_at is null order by id) open)
       ) end as "task?"
from caller
left join claimed on true
