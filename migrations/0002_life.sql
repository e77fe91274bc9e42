-- A cluster's life after its creation: changes, the shared poll, what AWS says of tags and parameter values.

alter table clusters add column details jsonb;
alter table clusters add column details_at timestamptz;
comment on column clusters.details is 'tags and parameter values as AWS last reported them, which DescribeClusters leaves out';
comment on column clusters.details_at is 'when they were asked for; null before';
comment on column clusters.observed_at is 'when AWS was asked; observed is null then if it has no such cluster';
create index clusters_details_due on clusters (details_at nulls first) where deleted_at is null;

alter table operations add column prior_status text check (prior_status in (
    'creating', 'available', 'updating', 'deleting', 'failed'));
alter table operations add column node_count int;
comment on column operations.prior_status is 'the status of the cluster before this operation: what it has again if nothing came of it';
comment on column operations.node_count is 'nodes of the cluster, for estimates';
create index operations_waiting_for_cluster on operations (cluster_name)
    where finished_at is null and waiting_for = 'cluster';

create index intents_by_cluster on intents (cluster_id);
create index operations_succeeded_alike on operations (kind, node_count, created_at desc) where status = 'succeeded';

alter table duties add column done_at timestamptz;
comment on column duties.done_at is 'when it was last done to the end';
insert into duties (name) values ('poll');

alter table inventory drop constraint inventory_kind_check;
alter table inventory add constraint inventory_kind_check check (kind in (
    'role', 'policy', 'service_linked_role', 'subnet_group', 'parameter_group', 'cluster', 'security_group_rule'));
