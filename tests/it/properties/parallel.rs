//! Runs the many runs of a property in parallel, and reports every one that failed.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::LazyLock;

use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// One run, with a name that identifies it.
pub type Job = (String, BoxFuture<'static, ()>);

/// Limits the runs of all properties together: each holds several connections to the database. Runs
/// often wait for the sandbox, so there are two for each CPU.
static SLOTS: LazyLock<Semaphore> = LazyLock::new(|| {
    let cpus = std::thread::available_parallelism().map_or(1, NonZero::get);
    Semaphore::new(2 * cpus.max(4))
});

/// Runs all jobs. Panics with the names of those that failed. Returns how many there were.
pub async fn run_all(property: &str, jobs: Vec<Job>) -> usize {
    let (mut set, mut names, mut failed) = (JoinSet::new(), BTreeMap::new(), Vec::new());
    let (runs, started) = (jobs.len(), std::time::Instant::now());
    for (name, job) in jobs {
        let task = set.spawn(async move {
            let _slot = SLOTS.acquire().await.unwrap();
            job.await;
        });
        names.insert(task.id(), name);
    }
    while let Some(ended) = set.join_next_with_id().await {
        // The panic has printed its message already.
        if let Err(error) = ended {
            failed.push(names[&error.id()].clone());
        }
    }
    println!(
        "{property}: {runs} runs in {:.1} s",
        started.elapsed().as_secs_f64()
    );
    assert!(
        failed.is_empty(),
        "{property}: {} of {runs} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
    assert!(runs > 0, "{property}: no runs");
    runs
}
