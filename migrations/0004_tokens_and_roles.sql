-- Tokens: an identity of their own, and when they were last used. And what the role of the service cannot write.

-- Idempotency keys belong to the ID. Tokens of earlier versions keep their name as their ID, and so their keys: older
-- processes, which use the name, find the same keys during an upgrade.
alter table tokens add column id text;
update tokens set id = name;
alter table tokens alter column id set default gen_random_uuid()::text;
alter table tokens alter column id set not null;
alter table tokens add constraint tokens_id unique (id);
comment on column tokens.id is 'kept by a rotation; a name that is created again after its revocation gets a new one';

alter table tokens add column last_used_at timestamptz;
comment on column tokens.last_used_at is 'when the token last authenticated a request, to the minute';

comment on column idempotency_keys.caller is 'token:<id of the token>, or anonymous; a rotation keeps the id';

-- A role other than the owner reads which migrations are applied. It never changes that.
do $$
declare
    other name;
begin
    for other in
        select distinct r.rolname
        from pg_class c, aclexplode(c.relacl) a, pg_roles r
        where c.oid = '_sqlx_migrations'::regclass
          and r.oid = a.grantee
          and a.grantee <> c.relowner
    loop
        execute format('revoke insert, update, delete, truncate on _sqlx_migrations from %I', other);
    end loop;
end
$$;
