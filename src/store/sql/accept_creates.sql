-- Accepts creates in one statement: for each the cluster (a failed one of that name is asked for again), the operation,
-- its steps ($5, the same for all), its first event, its audit record and the idempotency key. No two have the same name or key. A row for
-- each: without created_at its key was used before, or its name is in use.
with request as materialized (
  select r.*, r.settings::jsonb as desired, known.operation_id as known_operation, known.fingerprint = r.fingerprint as is_same
  from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $6::text[], $7::text[], $8::text[], $9::float8[],
              $10::text[], $11::text[], $12::bytea[], $13::text[], $14::int[], $16::text[], $17::text[], $18::text[],
              $19::text[], $20::jsonb[], $21::jsonb[], $22::text[])
    as r (id, name, settings, address, requested_by, request_id, traceparent, deadline_seconds, caller, key, fingerprint,
          message, node_count, target, project, requested_for, caller_id, groups, policies, organisation)
  -- A limit keeps the lookup by index, also in a plan that was made when the table was empty.
  left join lateral (
    select operation_id, fingerprint from idempotency_keys k where k.caller = r.caller and k.key = r.key limit 1
  ) known on true
),
cluster as (
  insert into clusters (id, target, name, status, desired, operation_id, project, created_by)
  select id, target, name, 'creating', desired, id, project, requested_by
  from request
  -- A name in use is not tried: the insert would wait for a transaction that holds the row.
  where known_operation is null
    -- The entry of a failed create is used again in its own project only.
    and coalesce((
      select status = 'failed' and c.project = request.project from clusters c
      where c.target = request.target and c.name = request.name and c.deleted_at is null), true)
  -- The same order in every process, so that two of them do not wait for each other.
  order by target, name
  on conflict (target, name) where deleted_at is null do update
  set status = 'creating', desired = excluded.desired, operation_id = excluded.operation_id,
      created_by = excluded.created_by, observed = null, observed_at = null, observed_order = null, missing_at = null, missing_order = null,
      details = null, details_at = null, attention = null, expiry_stage = 0, created_at = now(), version = clusters.version + 1
  where clusters.status = 'failed' and clusters.project = excluded.project
  returning id, operation_id
),
operation as (
  insert into operations (id, kind, target, cluster_id, cluster_name, status, spec, current_position, current_step,
                          requested_by, request_id, traceparent, deadline_at, last_sequence, node_count,
                          spec_version, project, requested_for)
  select r.id, 'create_cluster', r.target, cluster.id, r.name, 'pending', r.desired || '{"kind": "create_cluster"}', 0, ($5::text[])[1], r.requested_by, r.request_id,
         r.traceparent, now() + r.deadline_seconds * interval '1 second', 1, r.node_count, $15, r.project, r.requested_for
  from cluster
  join request r on r.id = cluster.operation_id
  returning id, created_at
),
project as (
  insert into projects (name)
  select distinct r.project from cluster join request r on r.id = cluster.operation_id where r.project <> ''
  order by 1
  on conflict do nothing
),
steps as (
  insert into operation_steps (operation_id, position, name)
  select operation.id, (step.ordinality - 1)::int, step.name
  from operation, unnest($5::text[]) with ordinality as step (name, ordinality)
),
event as (
  insert into operation_events (operation_id, sequence, type, message)
  select r.id, 1, 'operation_accepted', r.message from operation join request r on r.id = operation.id
),
audited as (
  insert into audit_records (caller, caller_id, requested_for, groups, action, decision, target, project, cluster,
                             operation_id, policies, organisation, request_id, address)
  select r.requested_by, r.caller_id, r.requested_for, r.groups, 'create_cluster', 'accepted', r.target,
         nullif(r.project, ''), r.name, r.id, r.policies, r.organisation, r.request_id, r.address
  from operation join request r on r.id = operation.id
),
key as (
  insert into idempotency_keys (caller, key, fingerprint, operation_id)
  select r.caller, r.key, r.fingerprint, r.id from operation join request r on r.id = operation.id
  where r.key is not null
)
select r.id as "id!", operation.created_at as "created_at?", r.known_operation as "known_operation?",
       r.is_same as "is_same?"
from request r
left join operation on operation.id = r.id
