//! The same work for many things, on every core of the machine.
//!
//! Deliberately absent: the async runtime, which waits rather than works, and any state that outlives a call.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// More threads than this don't help with what is done here.
const MAX_THREADS: usize = 16;

/// Does the same to each of these; the results are in their order. A panic of the work goes on in the caller.
pub fn map_parallel<T: Sync, R: Send>(these: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    // the number of cores stands in files of the system; who needs one core does not open them
    if these.len() < 2 {
        return these.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(one) = these.get(number) else { return done };
            done.push((number, work(one)));
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..cores.min(these.len())).map(|_| scope.spawn(worker)).collect();
        let mut done = worker();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::map_parallel;

    #[test]
    fn results_are_in_order_however_many_there_are() {
        for count in [0usize, 1, 2, 1_000] {
            let these: Vec<usize> = (0..count).collect();
            let squares: Vec<usize> = these.iter().map(|number| number * number).collect();
            assert_eq!(map_parallel(&these, |number| number * number), squares);
        }
    }

    #[test]
    #[should_panic(expected = "the third")]
    fn a_panic_is_not_lost() {
        map_parallel(&[1, 2, 3, 4], |number| assert_ne!(*number, 3, "the third"));
    }
}
