//! Names for ids, and whole runs against the two services of which objects refer to things by name: from
//! documents to plan, apply and proof, in this process, over real HTTP to the sandbox.

mod bokamera;
mod fact_pages;
mod keypro;
mod other_kinds;
mod reference_fixture;
mod workspace;
