//! Plan to what may be shown: the one door through which values leave the program.
//!
//! Marks decide: a secret, personal or sensitive value becomes an object that says only how it changed.
//! Everything shown, in any format, is rendered from the structures made here.
