-- Projects, and callers with limited rights.

-- Empty, not null, for what belongs to no project: a scope is then one comparison of two columns.
alter table clusters add column project text not null default '' check (project = '' or project ~ '^[a-z][a-z0-9-]{0,39}$');
alter table clusters add column created_by text;
comment on column clusters.project is 'set once; empty for none';
comment on column clusters.created_by is 'the caller whose request created or adopted the cluster; null for rows of earlier versions';
alter table operations add column project text not null default '';
alter table operations add column requested_for text;
comment on column operations.project is 'the project of the cluster';
comment on column operations.requested_for is 'the person for whom a portal sent the request; it gives no rights';

create index clusters_listing_by_project on clusters (project, created_at desc, id desc)
    where deleted_at is null and project <> '';
create index operations_listing_by_project on operations (project, created_at desc, id desc) where project <> '';

create table projects (
    name text primary key,
    created_at timestamptz not null default now()
);
comment on table projects is 'every project that a cluster ever had; its row is locked while a limit on the project is decided';

alter table tokens add column groups text[] not null default '{}';
alter table tokens add column projects text[] not null default '{}';
alter table tokens add column acts_for boolean not null default false;
comment on column tokens.groups is 'the groups of its caller, which only matter in an installation with a directory';
comment on column tokens.projects is 'the projects that its caller is limited to; empty for no limit';
comment on column tokens.acts_for is 'whether its caller may name the person for whom a request is sent';
