-- Approvals: operations that wait until members of groups have approved them.

alter table operations add column dormant boolean not null default false;
alter table operations add column requester jsonb;
alter table operations add column read_after uuid;
comment on column operations.dormant is 'an operation on an existing cluster that waits for approval: the cluster and its live operation go on without it';
comment on column operations.requester is 'the caller, whose rights are decided again at the last approval';
comment on column operations.read_after is 'of a dormant operation: the last operation on the cluster when its settings were read';

alter table operations drop constraint operations_status_check;
alter table operations add constraint operations_status_check check (status in (
    'awaiting_approval', 'pending', 'running', 'blocked', 'cancelling', 'rolling_back', 'succeeded', 'failed', 'cancelled'));
alter table operations drop constraint operations_check;
alter table operations add constraint operations_check check ((finished_at is null) = (status in (
    'awaiting_approval', 'pending', 'running', 'blocked', 'cancelling', 'rolling_back')));

-- No worker can claim one that waits, whatever else happens to its row.
alter table operations add constraint operations_awaiting_check check (
    status <> 'awaiting_approval' or wake_at = 'infinity' and owner is null);

drop index operations_one_live;
create unique index operations_one_live on operations (target, cluster_name) where finished_at is null and not dormant;
create index operations_awaiting on operations (cluster_id) where status = 'awaiting_approval';

create table approvals (
    operation_id uuid not null references operations (id) on delete cascade,
    group_name text not null,
    decision text check (decision in ('approved', 'rejected')),
    decided_by text,
    comment text,
    decided_at timestamptz,
    primary key (operation_id, group_name),
    check ((decision is null) = (decided_at is null))
);
