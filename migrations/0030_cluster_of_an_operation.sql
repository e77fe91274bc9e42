-- An operation is inserted only by statements that insert or lock its cluster, and a cluster is deleted only after its operations.
alter table operations drop constraint operations_cluster_id_fkey;
