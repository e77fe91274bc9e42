-- The tasks of the operations $1, which the workers $3 hold under the epochs $2. No row for an operation: the claim is no
-- longer valid.
--
-- All parts come from one snapshot, which is later than the claims.
select claimed.id as "id!", json_build_object(
  'kind', claimed.kind, 'project', claimed.project, 'requested_by', claimed.requested_by, 'traceparent', claimed.traceparent,
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
             (select done_at from duties where target = claimed.target and name = 'poll') as polled_at,
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
      where id = other.cluster_id and target = claimed.target and coalesce(deleted_at, 'infinity') = 'infinity'
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
    select json_agg(u.cluster_name) from inventory i
    -- A limit keeps the lookup by index, also in a plan that was made when the table was small.
    cross join lateral (
      select cluster_name from role_users where target = claimed.target and role_arn = i.arn limit 100) u
    where i.cluster_id = claimed.cluster_id and i.kind = 'role' and i.owner = 'managed'),
  'role_users_are_recent', (
    select coalesce(listed_at > now() - $4::float8 * interval '1 second', false) from duties where target = claimed.target and name = 'poll'),
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
) as "task!"
from unnest($1::uuid[], $2::bigint[], $3::text[]) as held (operation_id, epoch, owner)
-- A limit keeps the lookup by index, also in a plan that was made when the table was small.
cross join lateral (
  select * from operations where id = held.operation_id and epoch = held.epoch and owner = held.owner limit 1) claimed
