-- Accepts a create in one statement: the cluster (a failed one of that name is asked for again), the operation, its
-- steps, its first event and the idempotency key. No row: the name is in use.
with cluster as (
  insert into clusters (id, name, status, desired, operation_id)
  values ($1, $2, 'creating', $3, $1)
  on conflict (name) where deleted_at is null do update
  set status = 'creating', desired = excluded.desired, operation_id = excluded.operation_id,
      observed = null, observed_at = null, observed_order = null, missing_at = null, missing_order = null,
      details = null, details_at = null, created_at = now(), version = clusters.version + 1
  where clusters.status = 'failed'
  returning id
),
operation as (
  insert into operations (id, kind, cluster_id, cluster_name, status, spec, current_position, current_step,
                          requested_by, request_id, traceparent, deadline_at, last_sequence, node_count,
                          spec_version)
  select $1, 'create_cluster', cluster.id, $2, 'pending', $4, 0, ($5::text[])[1], $6, $7, $8,
         now() + $9::float8 * interval '1 second', 1, $14, $15
  from cluster
  returning id, created_at
),
steps as (
  insert into operation_steps (operation_id, position, name)
  select operation.id, (step.ordinality - 1)::int, step.name
  from operation, unnest($5::text[]) with ordinality as step (name, ordinality)
),
event as (
  insert into operation_events (operation_id, sequence, type, message)
  select id, 1, 'operation_accepted', $13 from operation
),
key as (
  insert into idempotency_keys (caller, key, fingerprint, operation_id)
  select $10, $11, $12, id from operation where $11::text is not null
)
select created_at from operation
