//! Creates: of every kind that has one, found by natural key first, recorded, and not made twice.

use serde_json::{Value as Json, json};

use trueup::kind::{Appears, FormatWord, Kind};
use trueup::remote::sandbox::Options;

use crate::estate::{Estate, options};
use crate::newborn::{kinds, newborn};

pub const APPLY: [&str; 2] = ["apply", "--auto-approve"];

#[test]
fn every_kind_is_born_once() {
    for kind in kinds().iter().filter(|kind| kind.operations.create.is_some()) {
        let mut estate = Estate::with(&kind.name, FormatWord::Json, Options { count: Some(2), ..options() });
        estate.documents = vec![newborn(kind, "newcomer")];
        estate.write();
        println!("{}", estate.desk.read("config/000.yaml"));
        let ran = estate.desk.run(&["plan", "--detailed-exitcode"]);
        println!("{}", ran.all());
        let ran = estate.desk.run(&APPLY);
        println!("{}", ran.all());
        let ran = estate.desk.run(&["plan", "--detailed-exitcode"]);
        println!("{}", ran.all());
        for e in estate.sandbox.log() {
            println!("{} {} {:?} {:?}", e.verb, e.path, e.query, e.status);
        }
    }
}
