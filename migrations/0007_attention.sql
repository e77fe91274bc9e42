-- Lists that show what matters: why a cluster needs attention, and filters by it, by name and by tag.

alter table clusters add column attention text check (attention in ('blocked', 'failed', 'drifted'));
alter table clusters add column drift_due boolean not null default false;
comment on column clusters.attention is 'the last operation is blocked or failed, or AWS differs from the desired settings';
comment on column clusters.drift_due is 'the next poll compares AWS with the desired settings';

update clusters c
set attention = case when o.status = 'blocked' then 'blocked' when c.status = 'failed' or o.status = 'failed' then 'failed' end,
    drift_due = c.status = 'available'
from operations o
where o.id = c.operation_id and c.deleted_at is null;

create index clusters_listing_by_attention on clusters (attention, created_at desc, id desc)
    where deleted_at is null and attention is not null;
create index clusters_drift_due on clusters (id) where drift_due and deleted_at is null;
create index clusters_by_tag on clusters using gin ((desired -> 'tags') jsonb_path_ops) where deleted_at is null;
create index clusters_by_prefix on clusters (name text_pattern_ops) where deleted_at is null;

-- The planner takes the newest of several indexes that cost the same (0005_fast_path.sql).
drop index clusters_name;
create unique index clusters_name on clusters (name) where deleted_at is null;
