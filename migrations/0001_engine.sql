-- The engine's tables: what was asked for, how far it is, what AWS answered, and what exists because of us.

create table installation (
    singleton boolean primary key default true check (singleton),
    id uuid not null default gen_random_uuid(),
    place jsonb,
    created_at timestamptz not null default now()
);
comment on table installation is 'one row: this database, and the AWS it belongs to';
comment on column installation.place is 'account, partition, Region and sandbox id; null until the service first met its AWS';
insert into installation default values;

create table clusters (
    id uuid primary key,
    name text not null check (name = lower(name)),
    status text not null check (status in ('creating', 'available', 'updating', 'deleting', 'failed')),
    version bigint not null default 1,
    desired jsonb not null,
    observed jsonb,
    observed_at timestamptz,
    operation_id uuid not null,
    created_at timestamptz not null default now(),
    deleted_at timestamptz
);
comment on column clusters.deleted_at is 'set when a delete has finished; the name is free again then';
comment on column clusters.operation_id is 'the last operation on the cluster';
create unique index clusters_name on clusters (name) where deleted_at is null;
create index clusters_listing on clusters (created_at desc, id desc) where deleted_at is null;
create index clusters_listing_by_status on clusters (status, created_at desc, id desc) where deleted_at is null;

create table operations (
    id uuid primary key,
    kind text not null,
    cluster_id uuid not null references clusters (id),
    cluster_name text not null,
    status text not null check (status in (
        'pending', 'running', 'blocked', 'cancelling', 'rolling_back', 'succeeded', 'failed', 'cancelled')),
    ending text not null default 'succeeded' check (ending in ('succeeded', 'failed', 'cancelled')),
    version bigint not null default 1,
    spec jsonb not null,
    current_position int,
    current_step text,
    epoch bigint not null default 0,
    owner text,
    lease_until timestamptz,
    wake_at timestamptz not null default now(),
    claims_without_progress int not null default 0,
    retry_requested boolean not null default false,
    waiting_for text,
    fault jsonb,
    last_sequence bigint not null default 0,
    requested_by text not null,
    request_id text,
    traceparent text,
    superseded_by uuid references operations (id),
    deadline_at timestamptz not null,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    check ((finished_at is null) = (status in ('pending', 'running', 'blocked', 'cancelling', 'rolling_back'))),
    check ((finished_at is null) = (current_step is not null))
);
comment on column operations.ending is 'the status it will end with when its last step is done; changed when an undo begins';
comment on column operations.epoch is 'raised by every claim and by every take-over; the fence of every write by a worker';
comment on column operations.wake_at is 'when it may be claimed; moved to the end of the lease by the claim itself';
comment on column operations.retry_requested is 'a person asked to try now while a worker was at it; the worker then wakes it at once';
comment on column operations.claims_without_progress is 'claims in a row that recorded no verdict; the sixth visit blocks';
create unique index operations_one_live on operations (cluster_name) where finished_at is null;
create index operations_claimable on operations (wake_at) where finished_at is null;
create index operations_listing on operations (created_at desc, id desc);
create index operations_listing_by_cluster on operations (cluster_name, created_at desc, id desc);
create index operations_listing_by_kind on operations (kind, created_at desc, id desc);
create index operations_succeeded on operations (kind, created_at desc) where status = 'succeeded';
create index operations_listing_by_status on operations (status, created_at desc, id desc);

create table operation_steps (
    operation_id uuid not null references operations (id),
    position int not null,
    name text not null,
    undo boolean not null default false,
    status text not null default 'pending' check (status in (
        'pending', 'running', 'succeeded', 'skipped', 'blocked', 'failed', 'undone')),
    attempts int not null default 0,
    faults_in_row int not null default 0,
    blocks_in_row int not null default 0,
    patience_from timestamptz,
    fault jsonb,
    started_at timestamptz,
    finished_at timestamptz,
    primary key (operation_id, position)
);
comment on table operation_steps is 'the plan as it was when the operation was accepted; undo steps are appended when an undo begins';
comment on column operation_steps.patience_from is 'from when the deadline of the step counts: its first turn, or the last time it was unblocked';

create table attempts (
    operation_id uuid not null,
    position int not null,
    number int not null,
    epoch bigint not null,
    outcome text not null check (outcome in ('succeeded', 'fault')),
    call text,
    fault jsonb,
    finished_at timestamptz not null default now(),
    primary key (operation_id, position, number),
    foreign key (operation_id, position) references operation_steps (operation_id, position)
);
comment on table attempts is 'finished tries of steps; waiting is not a try';

create table intents (
    id bigint generated always as identity primary key,
    operation_id uuid not null references operations (id),
    cluster_id uuid not null references clusters (id),
    position int not null,
    epoch bigint not null,
    call text not null,
    target text not null,
    mutation jsonb not null,
    opened_at timestamptz not null default clock_timestamp(),
    closed_at timestamptz,
    outcome text check (outcome in ('applied', 'refused', 'settled')),
    check ((closed_at is null) = (outcome is null))
);
comment on table intents is 'committed before each mutating call is sent; open while nobody knows whether it took effect';
create index intents_open on intents (cluster_id) where closed_at is null;
create index intents_by_operation on intents (operation_id, id);
create index intents_by_target on intents (target);
create index intents_applied on intents (cluster_id) where outcome = 'applied';

create table inventory (
    id bigint generated always as identity primary key,
    cluster_id uuid not null references clusters (id),
    operation_id uuid not null references operations (id),
    touched_by uuid not null references operations (id),
    kind text not null check (kind in (
        'role', 'policy', 'service_linked_role', 'subnet_group', 'parameter_group', 'cluster')),
    name text not null,
    arn text,
    owner text not null check (owner in ('managed', 'external')),
    presence text not null check (presence in ('present', 'gone', 'left')),
    reason text,
    recorded_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    unique (cluster_id, kind, name)
);
comment on column inventory.operation_id is 'the operation whose evidence the thing carries';
comment on column inventory.touched_by is 'the operation that last changed this row';
create index inventory_by_operation on inventory (operation_id);
create index inventory_touched_by on inventory (touched_by);
create index inventory_by_name on inventory (name);

create table operation_events (
    operation_id uuid not null references operations (id),
    sequence bigint not null,
    type text not null,
    message text not null,
    data jsonb not null default '{}',
    at timestamptz not null default clock_timestamp(),
    primary key (operation_id, sequence)
);

create table idempotency_keys (
    caller text not null,
    key text not null,
    fingerprint bytea not null,
    operation_id uuid not null,
    created_at timestamptz not null default now(),
    primary key (caller, key)
);
comment on column idempotency_keys.caller is 'the name of the token, which survives its rotation';
comment on column idempotency_keys.fingerprint is 'SHA-256 of method, path and canonical body';
create index idempotency_keys_age on idempotency_keys (created_at);

create table tokens (
    name text primary key,
    secret_hash bytea not null unique,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz
);
comment on column tokens.secret_hash is 'SHA-256 of the token; the token itself is shown once and not kept';

create table duties (
    name text primary key,
    epoch bigint not null default 0,
    owner text,
    due_at timestamptz not null default now()
);
comment on table duties is 'work that one process at a time does for all: the sweep; due_at is moved to the end of the lease by the claim';
insert into duties (name) values ('sweep');
