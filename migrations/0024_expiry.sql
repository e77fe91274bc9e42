-- Clusters that are deleted at a time.

alter table clusters add column expiry_stage smallint not null default 0;
comment on column clusters.expiry_stage is 'what was done about desired.expires_at: 1 announced a day before, 2 an hour before, 3 held by deletion protection, 4 delete requested';
-- Times in whole seconds and in UTC, so their texts are in the order of the times.
create index clusters_expiring on clusters ((desired ->> 'expires_at') collate "C")
    where deleted_at is null and desired ->> 'expires_at' is not null;
create index clusters_listing_by_expiry on clusters (created_at desc, id desc) where deleted_at is null and expiry_stage > 0;
