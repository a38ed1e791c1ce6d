//! What differs from what was last applied, and which side moved: the real program against the sandbox.

mod branches;
mod identity;
mod records;
mod shared;
mod since;
