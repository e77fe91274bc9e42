-- Webhooks, and what is delivered to them. There are no foreign keys: a delete of a webhook must not wait for its
-- deliveries, which retention removes.

create table webhooks (
    id uuid primary key,
    url text not null,
    description text,
    events text[] not null,
    target text,
    secret bytea not null,
    previous_secret bytea,
    previous_secret_until timestamptz,
    after_position bigint not null,
    failing_since timestamptz,
    paused_until timestamptz,
    responsiveness text check (responsiveness in ('quick', 'slow', 'silent')),
    disabled_reason text check (disabled_reason in ('requested', 'gone', 'failing')),
    created_by text not null,
    created_at timestamptz not null default now(),
    version bigint not null default 1
);
comment on column webhooks.events is 'names of events, or an asterisk for all';
comment on column webhooks.target is 'the target whose events are delivered; null for all';
comment on column webhooks.secret is 'encrypted with the key of --secrets-key-file';
comment on column webhooks.after_position is 'events of the feed up to this position are not delivered';
comment on column webhooks.failing_since is 'the first failed attempt since the last successful one';
comment on column webhooks.paused_until is 'the receiver asked for this pause by Retry-After';
comment on column webhooks.responsiveness is 'how the receiver responded to the last attempt; null before the first one';
create index webhooks_by_age on webhooks (created_at desc, id desc);

create table webhook_deliveries (
    id uuid primary key,
    webhook_id uuid not null,
    event text not null,
    operation_id uuid,
    body text not null,
    status text not null default 'pending' check (status in ('pending', 'succeeded', 'failed')),
    attempts integer not null default 0,
    epoch bigint not null default 0,
    next_attempt_at timestamptz default now(),
    last_attempt_at timestamptz,
    response_status integer,
    response_body text,
    error text,
    created_at timestamptz not null default now(),
    check ((status = 'pending') = (next_attempt_at is not null))
);
comment on column webhook_deliveries.epoch is 'fences the record of an attempt: raised by each claim and redelivery';
comment on column webhook_deliveries.next_attempt_at is 'during an attempt the end of its lease';
create index webhook_deliveries_due on webhook_deliveries (webhook_id, next_attempt_at) where next_attempt_at is not null;
create index webhook_deliveries_by_webhook on webhook_deliveries (webhook_id, created_at desc, id desc);
create index webhook_deliveries_by_age on webhook_deliveries (created_at);

create table webhook_fan_out (
    singleton boolean primary key default true check (singleton),
    position bigint not null
);
comment on table webhook_fan_out is 'the position of the event feed up to which deliveries exist';
insert into webhook_fan_out (position) select last_position from event_numbering;
