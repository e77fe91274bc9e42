-- The rows of an operation are written only by statements that insert or lock the operation, and deleted with it. Checking each of
-- them again costs a third of the acceptance of a create.
alter table attempts drop constraint attempts_operation_id_position_fkey;
alter table operation_events drop constraint operation_events_operation_id_fkey;
alter table operation_steps drop constraint operation_steps_operation_id_fkey;
