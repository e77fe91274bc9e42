-- The roles of the service in its own database. Run it once as a superuser, in that database, before the first
-- `dax-provisioner migrate`; then give each role its password: alter role dax_owner password '...'.
--
--   dax_owner  owns the tables: `dax-provisioner migrate`
--   dax_app    reads and writes rows: every other command
--
-- Neither is a superuser. What dax_owner creates later is granted to dax_app as well, so no migration grants anything.

create role dax_owner login;
create role dax_app login;

do $$
begin
    execute format('revoke all on database %I from public', current_database());
    execute format('grant connect on database %I to dax_owner, dax_app', current_database());
end
$$;

revoke all on schema public from public;
grant usage, create on schema public to dax_owner;
grant usage on schema public to dax_app;

alter default privileges for role dax_owner in schema public
    grant select, insert, update, delete on tables to dax_app;
alter default privileges for role dax_owner in schema public
    grant usage on sequences to dax_app;
