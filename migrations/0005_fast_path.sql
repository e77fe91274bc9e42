-- The fast path: fewer indexes to write in each turn, and the right one where several cost the same.

-- Claims go by caller (operations_by_caller); operations_one_live finds the operation that waits for a cluster; a cluster
-- has few intents, so intents_by_cluster finds the applied ones.
drop index operations_claimable;
drop index operations_waiting_for_cluster;
drop index intents_applied;

-- Of several indexes that cost the same, the planner takes the newest. While a table was never analysed that is every
-- partial index of clusters, and a plan is kept while the table grows. A name is looked up in each create.
drop index clusters_name;
create unique index clusters_name on clusters (name) where deleted_at is null;
