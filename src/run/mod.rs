//! The whole job: read live state, plan, write, prove. Sees both `plan` and `remote`, which don't see each other.

pub mod match_up;
pub mod memory;
pub mod outcome;
