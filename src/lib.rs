//! trueup keeps SaaS configuration true to what a Git repository says.
pub mod diagnostic;
pub mod exchange;
pub mod value;
pub mod yaml;
