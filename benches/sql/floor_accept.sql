-- One create in one statement, as pgbench runs it: the floor of the service's acceptance.
\set n :n + 1
\set op :client_id * 1000000000 + :n
with new_key as (
    insert into idempotency_keys (tenant, key, request_hash, operation_id)
    values (('portal'), ('key-' || :op::text), (decode(repeat('ab', 32), 'hex')), (lpad(to_hex(:op::bigint), 32, '0')::uuid))
    on conflict do nothing
    returning operation_id
), new_cluster as (
    insert into clusters (id, tenant, name, spec, state)
    select (('1' || lpad(to_hex(:op::bigint), 31, '0'))::uuid), ('portal'), ('c' || :op::text), ('{"name": "orders-cache", "node_type": "dax.r5.large", "replication_factor": 3, "service_role": {"access": "read_write", "tables": ["Orders", "Customers"]}, "subnet_group": {"subnet_ids": ["subnet-0a1b2c3d", "subnet-1a1b2c3d"]}, "security_group_ids": ["sg-0a1b2c3d"], "encryption_at_rest": true, "tags": {"team": "orders"}}'::jsonb), 'creating'
    from new_key
    returning id
), new_operation as (
    insert into operations (id, cluster_id, kind, state, step_count)
    select (lpad(to_hex(:op::bigint), 32, '0')::uuid), id, 'create_cluster', 'active', cardinality((array['resolve_service_role','create_service_role','create_access_policy','attach_access_policy','create_subnet_group','create_cluster','await_available','record_endpoint'])::text[])
    from new_cluster
    returning id
), new_steps as (
    insert into steps (operation_id, position, name, state)
    select new_operation.id, step.position, step.name, 'pending'
    from new_operation, unnest((array['resolve_service_role','create_service_role','create_access_policy','attach_access_policy','create_subnet_group','create_cluster','await_available','record_endpoint'])::text[]) with ordinality as step (name, position)
), first_event as (
    insert into events (operation_id, kind, data)
    select id, 'accepted', '{"by": "portal"}'
    from new_operation
)
select id, case when (false) then pg_notify('operations_due', '')::text end
from new_operation;
