//! What a workspace may read, whom it trusts, and where values from outside the repository may go.

#[allow(dead_code)] // each test binary uses its part
#[path = "../end_to_end/desk.rs"]
mod desk;
#[allow(dead_code)] // each test binary uses its part
#[path = "../end_to_end/estate.rs"]
mod estate;
mod outputs;
mod paths;
mod state_folder;
mod taint;
#[allow(dead_code)] // each test binary uses its part
#[path = "../end_to_end/written.rs"]
mod written;
