//! What a workspace may read, whom it trusts, and where values from outside the repository may go.

mod masks;
mod outputs;
mod paths;
mod state_folder;
mod taint;
