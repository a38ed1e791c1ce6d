//! What must be there before what: objects that refer to objects which are still to be created. What is to go
//! goes in the other order, as the live objects tell it.
//!
//! Deliberately absent: objects that are there. Whoever refers to one of them can begin at any time, in circles
//! too.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::dependencies::DependencyLookup;
use crate::diagnostic::{Diagnostic, SourceSpan};
use crate::document::DocumentState;
use crate::kind::visit::{VisitFlow, visit_object};
use crate::kind::{IdAssigner, ReferenceSource};
use crate::plan::{Step, StepAction};
use crate::run::fetch::ObjectJob;

/// For each job, the jobs whose objects must be there first, with the line that refers to them.
pub type DependencyEdges = Vec<Vec<(usize, SourceSpan)>>;

/// In which order jobs can be decided.
pub struct DependencyOrder {
    /// Every job once.
    pub sequence: Vec<usize>,
    /// Jobs that wait for each other in turn, each for the next one and the last one for the first.
    pub cycles: Vec<Vec<usize>>,
}

/// What waits for what: a document for those on which it depends, and for those to whose objects it refers where
/// these are not there yet, as `is_missing` says.
pub fn build_edges(jobs: &[ObjectJob], is_missing: &dyn Fn(usize) -> bool) -> DependencyEdges {
    let key =
        |job: &ObjectJob, kind: &str, name: &str| (job.target.to_string(), kind.to_owned(), name.to_owned());
    let mut numbers = HashMap::new();
    let mut edges = Vec::with_capacity(jobs.len());
    for (number, job) in jobs.iter().enumerate().filter(|(number, _)| is_missing(*number)) {
        numbers.insert(key(job, &job.document.kind.name, &job.document.name), number);
    }
    let dependencies = DependencyLookup::new(jobs);
    for job in jobs {
        let is_present = job.document.state == DocumentState::Present;
        let mut own = if is_present { dependencies.find_all(jobs, job) } else { Vec::new() };
        let refers = is_present && !numbers.is_empty();
        let references = if refers { job.document.collect_references() } else { Vec::new() };
        for (yaml_path, reference) in references {
            let among = yaml_path.reference.and_then(|refers| refers.source.as_ref());
            let Some(ReferenceSource::Kind(kind)) = among else { continue };
            if let Some(to) = numbers.get(&key(job, kind, &reference.name))
                && !own.iter().any(|(known, _)| known == to)
            {
                own.push((*to, yaml_path.span));
            }
        }
        edges.push(own);
    }
    edges
}

/// What is to be deleted waits for the steps of those that still refer to it: they go, or let go of it, first.
pub fn add_delete_edges<S: Borrow<Step>>(edges: &mut DependencyEdges, steps: &BTreeMap<usize, S>) {
    let deleted = |(number, step): (&usize, &S)| {
        let step: &Step = step.borrow();
        let subject = &step.subject;
        let id = subject.id.clone().filter(|_| step.action == StepAction::Delete)?;
        Some((*number, (subject.target.clone(), subject.kind.name.clone(), id)))
    };
    let gone: Vec<_> = steps.iter().filter_map(deleted).collect();
    for (number, step) in steps.iter().filter(|_| !gone.is_empty()) {
        let step: &Step = step.borrow();
        let scope = step.subject.kind.scope.iter().zip(&step.subject.scope);
        let mut held: Vec<_> =
            scope.filter_map(|(parameter, value)| Some((parameter.parent_kind()?, value))).collect();
        if let Some(live) = &step.live {
            visit_object(&step.subject.kind.shape, live, &mut |at| {
                let source = at.field.reference.as_ref().and_then(|refers| refers.source.as_ref());
                if let (Some(ReferenceSource::Kind(kind)), Some(_)) = (source, at.scalar_type()) {
                    held.push((kind, at.node));
                }
                VisitFlow::Descend
            });
        }
        for (waits, (target, kind, id)) in gone.iter().filter(|(waits, _)| waits != number) {
            let refers = held.iter().any(|(own, value)| ***own == **kind && **value == *id);
            if let Some(own) = edges.get_mut(*waits).filter(|_| refers && *target == step.subject.target) {
                own.push((*number, SourceSpan::default()));
            }
        }
    }
}

/// What is to be deleted waits for the deletes of its children, and of those that depend on it.
pub fn add_dependent_deletes<S: Borrow<Step>>(
    edges: &mut DependencyEdges,
    jobs: &[ObjectJob],
    steps: &BTreeMap<usize, S>,
) {
    let lookup = DependencyLookup::new(jobs);
    let is_delete = |number: &usize| {
        jobs[*number].document.state == DocumentState::Absent
            && steps.get(number).is_some_and(|step| step.borrow().action == StepAction::Delete)
    };
    for (number, own) in edges.iter_mut().enumerate().filter(|(number, _)| is_delete(number)) {
        let dependents = lookup.list_dependents(number).iter().map(|dependent| dependent.number);
        own.extend(dependents.filter(is_delete).map(|dependent| (dependent, SourceSpan::default())));
    }
}

/// An order in which every job comes after those it waits for, but for circles.
pub fn sort_topologically(edges: &DependencyEdges) -> DependencyOrder {
    let mut walk = TopologicalSort::new(edges);
    let mut circles = Vec::new();
    loop {
        walk.take_ready();
        let Some(start) = walk.open.first().copied() else { break };
        let circle = walk.find_cycle(start);
        for number in &circle {
            walk.take_job(*number);
        }
        circles.push(circle);
    }
    DependencyOrder { sequence: walk.sequence, cycles: circles }
}

struct TopologicalSort<'e> {
    edges: &'e DependencyEdges,
    /// For each job, those that wait for it.
    dependents: Vec<Vec<usize>>,
    /// For how many others each job still waits.
    remaining: Vec<usize>,
    open: BTreeSet<usize>,
    ready: BTreeSet<usize>,
    sequence: Vec<usize>,
}

impl<'e> TopologicalSort<'e> {
    fn new(edges: &'e DependencyEdges) -> Self {
        let mut waiting = vec![Vec::new(); edges.len()];
        for (number, own) in edges.iter().enumerate() {
            for (to, _) in own {
                waiting[*to].push(number);
            }
        }
        let left: Vec<usize> = edges.iter().map(Vec::len).collect();
        let ready = left.iter().enumerate().filter(|(_, left)| **left == 0).map(|(at, _)| at).collect();
        Self {
            edges,
            dependents: waiting,
            remaining: left,
            open: (0..edges.len()).collect(),
            ready,
            sequence: Vec::new(),
        }
    }

    fn take_ready(&mut self) {
        while let Some(number) = self.ready.pop_first() {
            self.take_job(number);
        }
    }

    fn take_job(&mut self, number: usize) {
        if !self.open.remove(&number) {
            return;
        }
        self.sequence.push(number);
        for waiter in std::mem::take(&mut self.dependents[number]) {
            self.remaining[waiter] = self.remaining[waiter].saturating_sub(1);
            if self.remaining[waiter] == 0 && self.open.contains(&waiter) {
                self.ready.insert(waiter);
            }
        }
    }

    /// A circle that is reached from an open job; every open job waits for another open one.
    fn find_cycle(&self, start: usize) -> Vec<usize> {
        let (mut way, mut at) = (Vec::new(), start);
        let mut seen = HashMap::new();
        loop {
            if let Some(first) = seen.insert(at, way.len()) {
                return way.split_off(first);
            }
            way.push(at);
            match self.edges[at].iter().find(|(to, _)| self.open.contains(to)) {
                Some((to, _)) => at = *to,
                None => return vec![at],
            }
        }
    }
}

/// For each job, how many others must be created one after the other before it.
pub fn compute_levels(edges: &DependencyEdges) -> Vec<usize> {
    let mut levels = vec![0; edges.len()];
    for number in sort_topologically(edges).sequence {
        levels[number] = edges[number].iter().map(|(to, _)| levels[*to] + 1).max().unwrap_or(0);
    }
    levels
}

/// The circles of jobs none of which is known to have an object: none of them can be created first.
pub fn diagnose_cycles(jobs: &[ObjectJob]) -> Vec<Diagnostic> {
    let is_missing = |number: usize| {
        jobs.get(number).is_some_and(|job| {
            job.document.state == DocumentState::Present
                && (job.document.id.is_none()
                    || job.document.kind.identity.id_assigned_by == IdAssigner::Client)
                && job.known_id.is_none()
        })
    };
    let edges = build_edges(jobs, &is_missing);
    let circles = sort_topologically(&edges).cycles;
    let told = circles.iter().filter_map(|circle| Some((circle, circle.iter().min()?)));
    told.map(|(circle, first)| diagnose_cycle(jobs, &edges, circle, *first)).collect()
}

/// What is said of a job in a circle.
pub fn diagnose_cycle(
    jobs: &[ObjectJob],
    edges: &DependencyEdges,
    circle: &[usize],
    number: usize,
) -> Diagnostic {
    let at = circle.iter().position(|own| *own == number).unwrap_or(0);
    let turned = || circle.iter().cycle().skip(at).take(circle.len());
    let name = |number: &usize| format!("`{}`", jobs[*number].document.name);
    let names: Vec<String> = turned().chain([&number]).map(name).collect();
    let depends = |from: usize, to: usize| {
        let span = edges[from].iter().find(|(own, _)| *own == to).map(|(_, span)| *span);
        jobs[from].document.depends_on.iter().any(|own| Some(own.span) == span)
    };
    let is_dependency = turned().zip(turned().skip(1).chain([&number])).any(|(from, to)| depends(*from, *to));
    let (code, waits, hint) = match is_dependency {
        true => ("dependency-cycle", "depend on each other", "remove one of these lines from `depends_on`"),
        false => (
            "reference-cycle",
            "wait for each other's creation",
            "create one of them without its reference first; of one that exists, set the `id`",
        ),
    };
    let message = format!("these documents {waits}: {}", names.join(" -> "));
    let place = |from: usize, to: usize| {
        let span = edges[from].iter().find(|(own, _)| *own == to).map(|(_, span)| *span);
        let document = jobs[from].document;
        document.locate_span(span.unwrap_or(document.name_span))
    };
    let mut steps = turned().zip(turned().skip(1).chain([&number]));
    let first = steps.next().map(|(from, to)| place(*from, *to));
    let mut fault = Diagnostic::error(code, message);
    fault.location = first;
    for (from, to) in steps {
        let verb = if depends(*from, *to) { "depends on" } else { "refers to" };
        fault = fault.with_related(place(*from, *to), format!("{} {verb} {}", name(from), name(to)));
    }
    fault.with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(of: &[&[usize]]) -> DependencyEdges {
        of.iter().map(|own| own.iter().map(|to| (*to, SourceSpan::default())).collect()).collect()
    }

    #[test]
    fn what_others_wait_for_comes_first() {
        let chain = edges(&[&[1], &[2], &[], &[0, 2]]);
        assert_eq!(sort_topologically(&chain).sequence, [2, 1, 0, 3]);
        assert!(sort_topologically(&chain).cycles.is_empty());
        assert_eq!(compute_levels(&chain), [2, 1, 0, 3]);
    }

    #[test]
    fn circles_are_found_and_hold_up_nobody_else() {
        let found = sort_topologically(&edges(&[&[1], &[2], &[1], &[3], &[]]));
        assert_eq!(found.cycles, [vec![1, 2], vec![3]]);
        let mut all = found.sequence.clone();
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3, 4]);
        let position = |number| found.sequence.iter().position(|own| *own == number);
        assert!(position(0) > position(1), "what waits for a circle comes after it");
    }

    #[test]
    fn long_chains_are_walked_without_a_stack() {
        let long: Vec<Vec<(usize, SourceSpan)>> = (0..50_000)
            .map(|n| if n == 0 { Vec::new() } else { vec![(n - 1, SourceSpan::default())] })
            .collect();
        assert_eq!(compute_levels(&long).last(), Some(&49_999));
    }
}
