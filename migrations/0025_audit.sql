-- Audit: who requested what and how it was decided, each call to AWS that changes something, and seals over the records.

create table audit_records (
    id bigint generated always as identity primary key,
    xid bigint not null default pg_current_xact_id()::text::bigint,
    position bigint,
    at timestamptz not null default clock_timestamp(),
    caller text,
    caller_id text,
    requested_for text,
    groups jsonb,
    action text not null,
    decision text not null check (decision in (
        'accepted', 'denied', 'failed', 'intended', 'applied', 'refused', 'settled')),
    target text,
    project text,
    cluster text,
    operation_id uuid,
    subject text,
    intent bigint,
    count bigint not null default 1,
    policies jsonb,
    organisation text,
    request_id text,
    address text,
    details jsonb
);
comment on column audit_records.id is 'orders the records of one transaction; no part of what is sealed';
comment on column audit_records.xid is 'the transaction that inserted the row; no part of what is sealed';
comment on column audit_records.position is 'dense and in the order of transactions; null until it is numbered';
comment on column audit_records.caller is 'as shown with operations; null for failed authentications';
comment on column audit_records.action is 'the operation ID of the API, the call to AWS, or the command';
comment on column audit_records.subject is 'what the action is about, if it is no cluster: a resource of AWS, a webhook, a token';
comment on column audit_records.intent is 'of a call to AWS: intents.opened_order, which two records have';
comment on column audit_records.count is 'more than one: so many requests of one minute';
comment on column audit_records.policies is 'the policies that permitted or forbade it';
comment on column audit_records.organisation is 'hash of the organisation whose policies decided';
-- An insert writes only this index and that of the ID; the numbering writes the others.
create index audit_unnumbered on audit_records (xid, id) where position is null;
create unique index audit_by_position on audit_records (position) where position is not null;
create index audit_listing on audit_records (at desc, position desc) where position is not null;
create index audit_listing_by_caller on audit_records (caller, at desc, position desc) where position is not null;
create index audit_listing_by_action on audit_records (action, at desc, position desc) where position is not null;
create index audit_listing_by_cluster on audit_records (cluster, at desc, position desc) where position is not null;
create index audit_listing_by_operation on audit_records (operation_id, at desc, position desc)
    where position is not null;
create index audit_listing_of_refusals on audit_records (decision, at desc, position desc)
    where position is not null and decision in ('denied', 'failed', 'refused');
create index audit_listing_by_target on audit_records (target, at desc, position desc)
    where position is not null and target <> 'default';
create index audit_listing_by_project on audit_records (project, at desc, position desc)
    where position is not null and project is not null;

create table audit_seals (
    number bigint primary key,
    first_position bigint not null,
    last_position bigint not null,
    records bigint not null,
    records_sha256 text not null,
    previous text,
    sealed_at timestamptz not null,
    key_id text,
    seal text not null,
    pruned text
);
comment on table audit_seals is 'each seals the records of a range of positions and the seal before it; they are never deleted';
comment on column audit_seals.key_id is 'the key of the seal; null if it was made without one';
comment on column audit_seals.pruned is 'set when retention deleted the records: a code that proves it';
create index audit_seals_kept on audit_seals (number) where pruned is null;

alter table event_numbering add column last_audit_position bigint not null default 0;
comment on column event_numbering.last_audit_position is 'the last position of an audit record';

-- It belongs to no target; its row has the name of one that every installation can have.
insert into duties (name) values ('seal');
