//! dax-provisioner: the floor plan.
