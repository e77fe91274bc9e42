-- Claims due deliveries for an attempt each. The lanes of quick or new, slow, and silent receivers have $1, $2 and $3 places.
-- $4 are the webhooks with running attempts of this process, and $5 the places of each that these take. $6 is the lease in
-- seconds.
--
-- The first part visits each webhook with pending deliveries once, however many it has. In a lane, each webhook gets one
-- place before another gets its second one. So the backlog of a receiver delays no other one.
with recursive pending as (
  (select webhook_id from webhook_deliveries
   where next_attempt_at is not null
   order by webhook_id
   limit 1)
  union all
  select (select d.webhook_id from webhook_deliveries d
          where d.next_attempt_at is not null and d.webhook_id > pending.webhook_id
          order by d.webhook_id
          limit 1)
  from pending
  where pending.webhook_id is not null
),
receivers as (
  select w.id, w.responsiveness, coalesce(running.taken, 0) as taken,
         case when w.responsiveness = 'silent' or w.failing_since is not null or w.responsiveness is null then 1
              when w.responsiveness = 'slow' then 8
              else 16 end as places
  from pending
  join webhooks w on w.id = pending.webhook_id
  left join unnest($4::uuid[], $5::bigint[]) as running (webhook_id, taken) on running.webhook_id = w.id
  where w.disabled_reason is null and (w.paused_until is null or w.paused_until <= now())
    and case w.responsiveness when 'silent' then $3::bigint when 'slow' then $2::bigint else $1::bigint end > 0
),
candidates as (
  select d.id, d.next_attempt_at, receivers.responsiveness,
         row_number() over (partition by receivers.id order by d.next_attempt_at) as place
  from receivers
  cross join lateral (
    select id, next_attempt_at from webhook_deliveries
    where webhook_id = receivers.id and next_attempt_at <= now()
    order by next_attempt_at
    limit greatest(receivers.places - receivers.taken, 0)
    for update skip locked
  ) d
),
due as (
  -- A new receiver can be silent, so it comes after those that are known to be quick.
  (select id from candidates
   where responsiveness is null or responsiveness = 'quick'
   order by responsiveness is null, place, next_attempt_at
   limit $1)
  union all
  (select id from candidates where responsiveness = 'slow' order by place, next_attempt_at limit $2)
  union all
  (select id from candidates where responsiveness = 'silent' order by place, next_attempt_at limit $3)
)
update webhook_deliveries d
set attempts = d.attempts + 1, epoch = d.epoch + 1, last_attempt_at = now(),
    next_attempt_at = now() + $6::float8 * interval '1 second'
from due, webhooks w
where d.id = due.id and w.id = d.webhook_id
returning d.id, d.webhook_id, d.epoch, d.attempts, now() as "claimed_at!", w.url, d.body, w.secret,
          case when w.previous_secret_until > now() then w.previous_secret end as previous_secret, w.failing_since,
          w.responsiveness
