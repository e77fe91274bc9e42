//! Security group rules that several clusters use. AWS has one rule for the same traffic, so the
//! last cluster removes it.
//!
//! Two transactions of different clusters would otherwise pass each other: one removes the rule
//! because no other cluster uses it, the other begins to use it. Both lock the rule. The
//! removal then checks for other users ([`lock_unused`]) before it commits its intent. A user
//! commits its inventory row first (`sql/record_turns.sql`), and its next turn reads the
//! removals of the others (`sql/tasks.sql`).

use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;

/// Locks a rule until the end of the transaction. `Fenced` if a cluster other than that of
/// `operation` uses the rule.
pub(super) async fn lock_unused(
    connection: &mut PgConnection,
    rule_arn: &str,
    operation: Uuid,
) -> Result<(), StoreError> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended($1, 0))",
        rule_arn
    )
    .execute(&mut *connection)
    .await?;
    // A statement of its own, so that its snapshot is taken under the lock.
    let is_used = sqlx::query_scalar!(
        r#"select exists (
             select 1 from operations o
             join inventory own on own.cluster_id = o.cluster_id and own.arn = $1 and own.kind = 'security_group_rule'
             join inventory other on other.name = own.name and other.cluster_id <> own.cluster_id
               and other.kind = 'security_group_rule' and other.owner = 'managed' and other.presence = 'present'
             join clusters c on c.id = other.cluster_id and c.target = o.target and c.deleted_at is null and c.status not in ('deleting', 'failed')
             where o.id = $2) as "is_used!""#,
        rule_arn,
        operation
    )
    .fetch_one(connection)
    .await?;
    if is_used {
        return Err(StoreError::Fenced);
    }
    Ok(())
}
