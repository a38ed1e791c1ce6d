//! Faults for practice and tests: what goes wrong, with which requests, how often.
//!
//! Written `VERB:WHAT[:COUNT][:/PATH]`, such as `PUT:503:2` or `*:hang:1:/partners`. A fault is used up by the
//! requests that it meets; the first one that fits is taken.

use std::time::Duration;

use crate::diagnostic::suggest_word;

/// How long a slow answer takes.
pub const SLOW_DELAY: Duration = Duration::from_secs(2);

/// One fault, and how often it is still to strike.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SandboxFault {
    /// In capitals; none for any verb.
    method: Option<String>,
    /// A part of the path.
    path: Option<String>,
    pub effect: FaultEffect,
    remaining: u32,
}

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultEffect {
    /// This status, and nothing done.
    Status(u16),
    /// No answer ever.
    Hang,
    /// The connection is dropped, and nothing done.
    Reset,
    /// The connection is dropped after it was done.
    ResetAfter,
    /// Done, but only half of the answer arrives.
    Truncate,
    /// A web page with status 200, and nothing done.
    Html,
    /// An answer as if it were done, and nothing kept.
    DiscardWrite,
    /// Done, but items of lists stand the other way round.
    ReverseLists,
    /// Done, after a while.
    Slow,
    /// A refusal whose message repeats the body.
    Echo,
    /// An answer of 200 MB.
    Flood,
    /// A page of a list after which there are always more.
    EndlessPages,
}

const EFFECT_NAMES: [(&str, FaultEffect); 11] = [
    ("hang", FaultEffect::Hang),
    ("reset", FaultEffect::Reset),
    ("reset-after", FaultEffect::ResetAfter),
    ("truncate", FaultEffect::Truncate),
    ("html", FaultEffect::Html),
    ("keep-nothing", FaultEffect::DiscardWrite),
    ("reorder", FaultEffect::ReverseLists),
    ("slow", FaultEffect::Slow),
    ("echo", FaultEffect::Echo),
    ("flood", FaultEffect::Flood),
    ("endless", FaultEffect::EndlessPages),
];

const METHODS: [&str; 6] = ["*", "GET", "POST", "PUT", "PATCH", "DELETE"];

impl SandboxFault {
    /// Reads `VERB:WHAT[:COUNT][:/PATH]`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse_fault(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(4, ':');
        let verb = parse_method(parts.next().unwrap_or_default())?;
        let blow = parse_effect(parts.next().unwrap_or_default())?;
        let (mut left, mut path) = (1, None);
        for part in parts {
            match part.parse::<u32>() {
                Ok(count) if count > 0 && path.is_none() => left = count,
                _ if part.starts_with('/') && path.is_none() => path = Some(part.to_owned()),
                _ => return Err(format!("`{part}` is neither a count above zero nor a part of a path (/…)")),
            }
        }
        Ok(Self { method: verb, path, effect: blow, remaining: left })
    }

    /// Whether it strikes this request; then it is one less.
    fn try_consume(&mut self, verb: &str, path: &str) -> bool {
        let fits = self.remaining > 0
            && self.method.as_ref().is_none_or(|own| own == verb)
            && self.path.as_ref().is_none_or(|own| path.contains(own));
        self.remaining -= u32::from(fits);
        fits
    }
}

/// The blow that this request takes.
pub fn take_fault(faults: &mut Vec<SandboxFault>, verb: &str, path: &str) -> Option<FaultEffect> {
    let blow = faults.iter_mut().find_map(|fault| fault.try_consume(verb, path).then_some(fault.effect));
    faults.retain(|fault| fault.remaining > 0);
    blow
}

fn parse_method(word: &str) -> Result<Option<String>, String> {
    let upper = word.to_uppercase();
    match METHODS.contains(&&*upper) {
        true if upper == "*" => Ok(None),
        true => Ok(Some(upper)),
        false => Err(format!("`{word}` is no verb; write one of {}", METHODS.join(", "))),
    }
}

fn parse_effect(word: &str) -> Result<FaultEffect, String> {
    if let Ok(status) = word.parse::<u16>() {
        return match (300..600).contains(&status) {
            true => Ok(FaultEffect::Status(status)),
            false => Err(format!("{status} is no status from 300 to 599")),
        };
    }
    let known = EFFECT_NAMES.iter().find(|(own, _)| *own == word).map(|(_, blow)| *blow);
    known.ok_or_else(|| {
        let hint = suggest_word(word, EFFECT_NAMES.iter().map(|(word, _)| *word)).unwrap_or_default();
        format!("`{word}` is neither a status nor a known fault; {hint}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_and_used_up() {
        let mut faults: Vec<SandboxFault> = ["put:503:2", "*:hang:/partners"]
            .iter()
            .filter_map(|text| SandboxFault::parse_fault(text).ok())
            .collect();
        assert_eq!(faults.len(), 2);
        assert_eq!(take_fault(&mut faults, "GET", "/a/customers"), None);
        assert_eq!(take_fault(&mut faults, "PUT", "/a/partners/1"), Some(FaultEffect::Status(503)));
        assert_eq!(take_fault(&mut faults, "PUT", "/a/customers"), Some(FaultEffect::Status(503)));
        assert_eq!(take_fault(&mut faults, "PUT", "/a/partners"), Some(FaultEffect::Hang));
        assert!(faults.is_empty());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let said = |text| SandboxFault::parse_fault(text).err().unwrap_or_default();
        assert!(said("PUSH:503").starts_with("`PUSH` is no verb"));
        assert!(said("PUT:rset").contains("did you mean `reset`"));
        assert!(said("PUT:99").contains("300 to 599"));
        assert!(said("PUT:503:0").contains("neither a count"));
        assert!(said("PUT:503:/a:2").contains("neither a count"));
        assert!(said("").contains("no verb") && said("PUT").contains("known fault"));
    }
}
