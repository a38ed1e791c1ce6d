//! The name, the target and the environment of an object in words, for every format of reports and results.
//!
//! Deliberately absent: masking; names and targets are open.

use std::borrow::Cow;

use super::plan_report::ObjectName;

/// Whether objects are in more than one environment, so that a name alone does not say which one is meant.
pub fn spans_environments<'o>(objects: impl IntoIterator<Item = &'o ObjectName>) -> bool {
    let mut objects = objects.into_iter();
    let first = objects.next().map(|own| &own.environment);
    objects.any(|own| Some(&own.environment) != first)
}

impl ObjectName {
    /// The name, with the environment where that is needed.
    pub fn describe_name(&self, with_environment: bool) -> Cow<'_, str> {
        match self.environment.as_ref().filter(|_| with_environment) {
            Some(environment) => format!("{} ({environment})", self.name).into(),
            None => (&*self.name).into(),
        }
    }

    /// The target, and its environment where that is not named like it.
    pub fn describe_target(&self) -> Cow<'_, str> {
        match &self.environment {
            Some(environment) if *environment != self.target => {
                format!("{} in {environment}", self.target).into()
            }
            _ => (&*self.target).into(),
        }
    }
}
