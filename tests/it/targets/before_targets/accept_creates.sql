-- Accepts creates in one statement: for each the cluster (a failed one of that name is asked for again), the operation,
-- its steps ($5, the same for all), its first event and the idempotency key. No two have the same name or key. A row for
-- each: without created_at its key was used before, or its name is in use.
with request as materialized (
  select r.*, known.operation_id as known_operation, known.fingerprint = r.fingerprint as is_same
  from unnest($1::uuid[], $2::text[], $3::jsonb[], $4::jsonb[], $6::text[], $7::text[], $8::text[], $9::float8[],
              $10::text[], $11::text[], $12::bytea[], $13::text[], $14::int[])
    as r (id, name, desired, spec, requested_by, request_id, traceparent, deadline_seconds, caller, key, fingerprint,
          message, node_count)
  -- A limit keeps the lookup by index, also in a plan that was made when the table was empty.
  left join lateral (
    select operation_id, fingerprint from idempotency_keys k where k.caller = r.caller and k.key = r.key limit 1
  ) known on true
),
cluster as (
  insert into clusters (id, name, status, desired, operation_id)
  select id, name, 'creating', desired, id
  from request
  -- A name in use is not tried: the insert would wait for a transaction that holds the row.
  where known_operation is null
    and coalesce((select status from clusters c where c.name = request.name and c.deleted_at is null), 'failed') = 'failed'
  -- The same order in every process, so that two of them do not wait for each other.
  order by name
  on conflict (name) where deleted_at is null do update
  set status = 'creating', desired = excluded.desired, operation_id = excluded.operation_id,
      observed = null, observed_at = null, observed_order = null, missing_at = null, missing_order = null,
      details = null, details_at = null, attention = null, created_at = now(), version = clusters.version + 1
  where clusters.status = 'failed'
  returning id, operation_id
),
operation as (
  insert into operations (id, kind, cluster_id, cluster_name, status, spec, current_position, current_step,
                          requested_by, request_id, traceparent, deadline_at, last_sequence, node_count,
                          spec_version)
  select r.id, 'create_cluster', cluster.id, r.name, 'pending', r.spec, 0, ($5::text[])[1], r.requested_by, r.request_id,
         r.traceparent, now() + r.deadline_seconds * interval '1 second', 1, r.node_count, $15
  from cluster
  join request r on r.id = cluster.operation_id
  returning id, created_at
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
key as (
  insert into idempotency_keys (caller, key, fingerprint, operation_id)
  select r.caller, r.key, r.fingerprint, r.id from operation join request r on r.id = operation.id
  where r.key is not null
)
select r.id as "id!", operation.created_at as "created_at?", r.known_operation as "known_operation?",
       r.is_same as "is_same?"
from request r
left join operation on operation.id = r.id
