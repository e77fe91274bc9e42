-- Processes of the version before targets name these columns as unique ones when they insert: creates, adoptions and the
-- poll. Without the indexes PostgreSQL rejects their statements, so a database that has worked keeps them while its one
-- target is `default`. A later migration drops them.
do $$
begin
    if exists (select 1 from operations) and not exists (select 1 from targets where name <> 'default') then
        create unique index clusters_name_before_targets on clusters (name) where deleted_at is null;
        create unique index role_users_before_targets on role_users (role_arn, cluster_name);
    end if;
end
$$;

-- The role of the service owns no table, so it drops them by this function.
create function end_upgrade_to_targets() returns void
language sql security definer
set search_path from current
as $$
    drop index if exists clusters_name_before_targets, role_users_before_targets;
$$;
comment on function end_upgrade_to_targets is 'called before a second target is bound: names are then unique in a target only';
