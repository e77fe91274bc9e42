//! The part of EC2 that tells where clusters can live, and opens their ports.

use crate::turn::Operation;

/// Everything that EC2 is asked for by name.
pub(crate) static OPERATIONS: [Operation; 0] = [];
