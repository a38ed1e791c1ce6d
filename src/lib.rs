//! trueup keeps SaaS configuration true to what a Git repository says.
pub mod cli;
pub mod diagnostic;
pub mod document;
pub mod exchange;
pub mod kind;
pub mod plan;
pub mod remote;
pub mod report;
pub mod run;
pub mod value;
pub mod yaml;
