-- What the engine needs under late reads, gaps in lists, clocks that move back and mixed versions.

-- Orders reads of AWS and calls to it. Timestamps do not: the database's clock can move back.
create sequence engine_order as bigint;

alter table intents add column opened_order bigint not null default nextval('engine_order');
alter table intents add column closed_order bigint;
comment on column intents.opened_order is 'position in the order of calls and reads when the intent was committed';
comment on column intents.closed_order is 'position in the order of calls and reads when the outcome was recorded';
update intents set closed_order = nextval('engine_order') where closed_at is not null;

alter table clusters add column observed_order bigint;
alter table clusters add column missing_at timestamptz;
alter table clusters add column missing_order bigint;
comment on column clusters.observed_order is 'position in the order of calls and reads before AWS was asked for observed';
comment on column clusters.missing_at is 'when a list of AWS last lacked this cluster, unless it was observed later; a list can have gaps';
comment on column clusters.missing_order is 'position in the order of calls and reads before that list was requested';

alter table operations add column spec_version int not null default 1;
comment on column operations.spec_version is 'format of spec; a process claims only formats it can read';

alter table operations add column lane smallint not null default 0 check (lane in (0, 1));
comment on column operations.lane is '0: a person waits for this turn (the first step, a delete, an undo, a retry); 1: the rest';
create index operations_by_caller on operations (requested_by, lane, wake_at) where finished_at is null;

-- Which clusters of the account use a role of this service, by the last complete list. Without it every removal of a
-- role lists all clusters.
create table role_users (
    role_arn text not null,
    cluster_name text not null,
    listed_at timestamptz not null,
    primary key (role_arn, cluster_name)
);
comment on table role_users is 'a row outlives lists that lack its cluster by an hour: a list can have gaps';
alter table duties add column listed_at timestamptz;
comment on column duties.listed_at is 'of the poll: when the last complete list of all clusters was requested';

alter table operations add column block_cause text;
comment on column operations.block_cause is 'what blocks it, where others may be blocked by the same; one of them re-checks often and wakes the others';
create index operations_blocked_by_cause on operations (block_cause) where status = 'blocked';

-- History is bounded: what pruning looks for.
create index operations_finished on operations (finished_at) where finished_at is not null;
create index operations_superseded_by on operations (superseded_by) where superseded_by is not null;
create index clusters_deleted on clusters (deleted_at) where deleted_at is not null;
create index operations_by_cluster on operations (cluster_id);
