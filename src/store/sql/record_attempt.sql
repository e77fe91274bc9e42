-- Records the result of an attempt under the epoch of its claim, and what it means for the webhook. Returns whether the
-- delivery was still claimed under this epoch.
--
-- $3 the status of the delivery, $4 the pause before its next attempt, $5 to $7 the answer or the error, $8 whether it
-- succeeded, $9 the pause that the receiver asks for, $10 how the receiver responded.
with recorded as (
  update webhook_deliveries
  set status = $3, next_attempt_at = now() + $4::float8 * interval '1 second', response_status = $5, response_body = $6,
      error = $7
  where id = $1 and epoch = $2 and status = 'pending'
  returning webhook_id
),
changed as (
  update webhooks w
  set failing_since = case when $8 then null else coalesce(w.failing_since, now()) end,
      paused_until = coalesce(now() + $9::float8 * interval '1 second', w.paused_until),
      responsiveness = $10,
      -- A version is of what a reader sees.
      version = w.version + case when $9::float8 is not null or $8 = (w.failing_since is not null) then 1 else 0 end
  from recorded
  where w.id = recorded.webhook_id
    -- Most results change nothing here, and a receiver's row must not be written for each of its deliveries.
    and ($9::float8 is not null or $8 = (w.failing_since is not null) or w.responsiveness is distinct from $10)
)
select exists (select 1 from recorded) as "is_recorded!"
