-- Targets: the AWS accounts and Regions of one installation. What the database has becomes the target `default`.

create table targets (
    name text primary key check (name ~ '^[a-z][a-z0-9-]{0,39}$'),
    sandbox_id text,
    account_id text not null,
    partition text not null,
    region text not null,
    created_at timestamptz not null default now()
);
comment on table targets is 'what each name stands for, since the service first reached it; a name never changes its account and Region';
comment on column targets.sandbox_id is 'the AWS sandbox; null for real AWS';
create unique index targets_place on targets (account_id, region);

insert into targets (name, sandbox_id, account_id, partition, region)
select 'default', place ->> 'sandbox_id', place ->> 'account_id', place ->> 'partition', place ->> 'region'
from installation
where place is not null;
comment on column installation.place is 'unused since the table targets exists; earlier versions read it';

alter table operations add column target text not null default 'default';
comment on column operations.target is 'the target of the cluster';
drop index operations_one_live;
create unique index operations_one_live on operations (target, cluster_name) where finished_at is null;
drop index operations_by_caller;
create index operations_by_caller on operations (target, requested_by, lane, wake_at) where finished_at is null;
-- Without `default`, which the index of the whole list serves: an installation with one target writes no other index.
create index operations_listing_by_target on operations (target, created_at desc, id desc) where target <> 'default';

alter table clusters add column target text not null default 'default';
comment on column clusters.target is 'the target of the cluster; a name is unique in its target';
create index clusters_listing_by_target on clusters (target, created_at desc, id desc)
    where deleted_at is null and target <> 'default';
-- The newest index of the table, as 0005 says.
drop index clusters_name;
create unique index clusters_name on clusters (target, name) where deleted_at is null;

-- Each target has its own poll and its own sweep.
alter table duties add column target text not null default 'default';
alter table duties drop constraint duties_pkey;
alter table duties add constraint duties_pkey primary key (target, name);

alter table role_users add column target text not null default 'default';
alter table role_users drop constraint role_users_pkey;
alter table role_users add constraint role_users_pkey primary key (target, role_arn, cluster_name);
