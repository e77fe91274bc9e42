//! Running the many runs of a law, some at a time, and telling every one that failed.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use tokio::task::JoinSet;

/// How many runs go on at the same time.
const AT_ONCE: usize = 4;

/// A run of a law, with a name to tell which one it was.
pub type Job = (String, Pin<Box<dyn Future<Output = ()> + Send>>);

/// Runs some at a time, and tells every one that failed.
pub async fn all_hold(law: &str, jobs: Vec<Job>) -> usize {
    let (runs, mut set, mut names, mut failed) =
        (jobs.len(), JoinSet::new(), BTreeMap::new(), Vec::new());
    let started = std::time::Instant::now();
    let mut jobs = jobs.into_iter();
    loop {
        while set.len() < AT_ONCE
            && let Some((name, job)) = jobs.next()
        {
            names.insert(set.spawn(job).id(), name);
        }
        match set.join_next_with_id().await {
            None => break,
            Some(Ok(_)) => {}
            // The whole message has been printed where it panicked.
            Some(Err(error)) => failed.push(names[&error.id()].clone()),
        }
    }
    println!(
        "{law}: {runs} runs in {:.1} s",
        started.elapsed().as_secs_f64()
    );
    assert!(
        failed.is_empty(),
        "{law}: {} of {runs} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
    assert!(runs > 0, "{law}: nothing was run");
    runs
}
