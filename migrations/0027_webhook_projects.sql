-- Webhooks of projects.

-- Empty, not null, for a webhook of the administrators: a scope is then one comparison of columns.
alter table webhooks add column project text not null default '' check (project = '' or project ~ '^[a-z][a-z0-9-]{0,39}$');
comment on column webhooks.project is 'the project whose events are delivered, set once; empty for the events of all';
