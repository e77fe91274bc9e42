-- Claims at most $9 due operations of the target $8: of the callers after $6, in a round, who have one, the same number of
-- each; in the lane $7, or if a caller has none, in the other lane; the most overdue first. No row: nothing is due. A row
-- without an id: other processes are claiming what this caller has.
with recursive callers as (
  (select requested_by from operations where finished_at is null and target = $8 order by requested_by limit 1)
  union all
  select (select o.requested_by from operations o
          where o.finished_at is null and o.target = $8 and o.requested_by > callers.requested_by
          order by o.requested_by limit 1)
  from callers
  where callers.requested_by is not null
),
caller as (
  select c.requested_by, row_number() over (order by c.requested_by <= $6, c.requested_by) as rank
  from callers c
  where c.requested_by is not null
    and exists (
      select 1 from (values (0), (1)) lanes (lane)
      cross join lateral (
        select 1 from operations o
        where o.finished_at is null and o.target = $8 and o.requested_by = c.requested_by and o.lane = lanes.lane
          and o.wake_at <= now() and o.kind = any($3) and o.current_step = any($4) and o.spec_version <= $5
        limit 1
      ) due)
  order by rank
  limit $9
),
share as (
  select ceil($9::bigint / count(*)::float8)::bigint as of_each from caller
),
preferred as (
  select caller.requested_by, caller.rank, due.id
  from caller
  cross join lateral (
    select o.id from operations o
    where o.finished_at is null and o.target = $8 and o.requested_by = caller.requested_by and o.lane = $7
      and o.wake_at <= now() and o.kind = any($3) and o.current_step = any($4) and o.spec_version <= $5
    order by o.wake_at
    limit (select of_each from share)
    for update skip locked
  ) due
),
other as (
  select caller.rank, due.id
  from caller
  cross join lateral (
    select o.id from operations o
    where o.finished_at is null and o.target = $8 and o.requested_by = caller.requested_by and o.lane = 1 - $7
      and o.wake_at <= now() and o.kind = any($3) and o.current_step = any($4) and o.spec_version <= $5
    order by o.wake_at
    limit (select of_each from share)
    for update skip locked
  ) due
  where not exists (select 1 from preferred where preferred.requested_by = caller.requested_by)
),
claimed as (
  update operations
  set epoch = epoch + 1, owner = $1,
      lease_until = now() + $2::float8 * interval '1 second',
      wake_at = now() + $2::float8 * interval '1 second',
      claims_without_progress = claims_without_progress + 1,
      retry_requested = false,
      started_at = coalesce(started_at, now()),
      version = version + case when status = 'pending' then 1 else 0 end,
      status = case when status = 'pending' then 'running' else status end
  where id in (
    select chosen.id from (select rank, id from preferred union all select rank, id from other) chosen
    order by chosen.rank
    limit $9)
  returning requested_by, id, epoch, claims_without_progress
)
select caller.requested_by as "caller!", claimed.id as "id?", claimed.epoch as "epoch?",
       claimed.claims_without_progress as "claims_without_progress?"
from caller
left join claimed on claimed.requested_by = caller.requested_by
order by caller.rank
