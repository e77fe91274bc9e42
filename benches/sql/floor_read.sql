-- One operation with its steps, of the first 200 that floor_accept.sql stored.
\set op random(1, 200)
select operations.id,
       operations.kind,
       clusters.name,
       operations.state,
       operations.created_at,
       operations.finished_at,
       steps.name as step_name,
       steps.state as step_state,
       steps.attempts,
       steps.finished_at as step_finished_at
from operations
join clusters on clusters.id = operations.cluster_id
join steps on steps.operation_id = operations.id
where operations.id = (lpad(to_hex(:op::bigint), 32, '0')::uuid)
order by steps.position;
