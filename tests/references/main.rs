//! Names for ids, and whole runs against the two services of which objects refer to things by name: from
//! documents to plan, apply and proof, in this process, over real HTTP to the sandbox.

mod bokamera;
mod clerk;
mod keypro;
mod printed;
mod words;
mod workspace;
mod yard;
