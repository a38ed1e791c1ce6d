//! Choices from a tape of numbers, and the values of values. A tape that ends says 0, and 0 is always the
//! simplest choice, so a failing tape shrinks to a simple example.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use trueup::kind::{NumberEncoding, ScalarType};
use trueup::value::Sensitivity;
use uuid::Uuid;

/// What stands in every value that must not be seen.
pub const CANARY: &str = "cAnary";

/// Texts that some format has to quote, or some reader takes for something else.
const AWKWARD: [&str; 16] = [
    "two words",
    "a,b",
    "a:b",
    "{x}",
    "[y]",
    "say \"hi\"",
    "line\nbreak",
    "tab\there",
    " edge ",
    "null",
    "True",
    "012",
    "1e3",
    "#no",
    "é 日本 😀",
    "a\\b",
];

/// A tape of choices.
pub struct Choices<'t> {
    tape: &'t [u16],
    at: usize,
    serial: u32,
    /// Strangers are put into a text as they are, so that their very bytes can be followed.
    pub raws: BTreeMap<String, String>,
}

impl<'t> Choices<'t> {
    pub fn new(tape: &'t [u16]) -> Self {
        Self { tape, at: 0, serial: 0, raws: BTreeMap::new() }
    }

    /// A number below `sides`; 0 when the tape is at its end.
    pub fn roll(&mut self, sides: usize) -> usize {
        let number = self.tape.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(number) % sides.max(1)
    }

    /// True `of` times out of ten.
    pub fn chance(&mut self, of: usize) -> bool {
        self.roll(10) >= 10 - of
    }

    pub fn pick<'p, T>(&mut self, from: &'p [T]) -> &'p T {
        &from[self.roll(from.len())]
    }

    /// A number that was not there before.
    pub fn serial(&mut self) -> u32 {
        self.serial += 1;
        self.serial
    }

    /// A value of a value as a service writes it; never null.
    pub fn scalar_field(&mut self, scalar_field: &ScalarType, mark: Sensitivity) -> Json {
        match scalar_field {
            ScalarType::String { max_length: max } => Json::from(self.text(*max, mark)),
            ScalarType::Enum { values: choices, open } => {
                match choices.is_empty() || (*open && self.chance(1)) {
                    true => Json::from(format!("other{}", self.serial())),
                    false => Json::from(&*self.pick(choices).0),
                }
            }
            ScalarType::Boolean => Json::Bool(self.roll(2) == 1),
            ScalarType::Integer(form) => {
                let number = *self.pick(&[0, 1, 2, 7, -3, 40, 1_000_000, 9_007_199_254_740_993_i64]);
                if *form == NumberEncoding::String {
                    Json::from(number.to_string())
                } else {
                    Json::from(number)
                }
            }
            ScalarType::Decimal(form) => self.decimal(*form),
            ScalarType::Uuid => Json::from(self.guid()),
            ScalarType::Date => {
                Json::from(format!("20{:02}-0{}-1{}", self.roll(30), 1 + self.roll(9), self.roll(10)))
            }
            ScalarType::DateTime | ScalarType::UnixTime(_) => Json::from(self.time()),
            ScalarType::Any => self.any(2, mark),
        }
    }

    fn text(&mut self, max: Option<u32>, mark: Sensitivity) -> String {
        let text = match self.roll(4) {
            0 => format!("t{}", self.serial()),
            1 => (*self.pick(&AWKWARD)).to_owned(),
            2 => format!("{} {}", self.pick(&AWKWARD), self.serial()),
            _ => format!("{}@Example.org, x@y.example", self.serial()),
        };
        let text =
            if mark == Sensitivity::Public { text } else { format!("{CANARY}{} {text}", self.serial()) };
        text.chars().take(max.map_or(usize::MAX, |max| max as usize)).collect()
    }

    fn decimal(&mut self, form: NumberEncoding) -> Json {
        let digits = *self.pick(&["0", "1", "2500.5", "0.01", "-3.25", "99999.99", "100"]);
        match form {
            NumberEncoding::String => {
                Json::from(if self.chance(5) { digits.to_owned() } else { longer(digits) })
            }
            _ => serde_json::from_str(digits).expect("a number"),
        }
    }

    /// A guid in one of its spellings.
    pub fn guid(&mut self) -> String {
        let guid = Uuid::from_u128(0x1000_0000_0000_4000_8000_0000_0000_0000 + u128::from(self.serial()));
        match self.roll(3) {
            0 => guid.hyphenated().to_string(),
            1 => guid.simple().to_string(),
            _ => guid.hyphenated().to_string().to_uppercase(),
        }
    }

    fn time(&mut self) -> String {
        let (day, second) = (1 + self.roll(28), self.roll(60));
        match self.roll(4) {
            0 => format!("2025-01-{day:02}T03:04:{second:02}Z"),
            1 => format!("2025-01-{day:02}T03:04:{second:02}.120Z"),
            2 => format!("2025-01-{day:02}T03:04:{second:02}.0000000+01:00"),
            _ => format!("/Date({})/", 1_700_000_000_000_u64 + day as u64 * 1000),
        }
    }

    /// Anything that JSON can say.
    pub fn any(&mut self, depth: usize, mark: Sensitivity) -> Json {
        match self.roll(if depth == 0 { 5 } else { 7 }) {
            0 => json!(1),
            1 if mark == Sensitivity::Public => Json::from(format!("t{}", self.serial())),
            1 => Json::from(format!("{CANARY}{}", self.serial())),
            2 => json!(true),
            3 => json!(2.5),
            4 => json!("1"),
            5 => Json::Array((0..self.roll(3)).map(|_| self.any(depth - 1, mark)).collect()),
            _ => {
                let mut members = Map::new();
                for _ in 0..self.roll(3) {
                    let value = if self.chance(2) { Json::Null } else { self.any(depth - 1, mark) };
                    members.insert(format!("k{}", self.roll(4)), value);
                }
                Json::Object(members)
            }
        }
    }

    /// A member that no description knows: its name, and a mark in the place of its text.
    pub fn stranger(&mut self) -> (String, Json) {
        let serial = self.serial();
        let raw = match self.roll(3) {
            0 => format!("\"raw{serial}\""),
            1 => format!("[{serial}.50, 1E3 ,null,{{\"z\" : \"\\u0061\"}}]"),
            _ => format!("{{\"id\":\"raw{serial}\",\"n\":00.{serial}}}").replace("00.", "10."),
        };
        let mark = format!("@raw{serial}@");
        self.raws.insert(mark.clone(), raw);
        (format!("zz{serial}"), Json::from(mark))
    }
}

fn longer(digits: &str) -> String {
    if digits.contains('.') { format!("{digits}0") } else { format!("{digits}.00") }
}
