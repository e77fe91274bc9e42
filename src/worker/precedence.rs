//! Requests have precedence over turns: while many run in this process, one loop of each worker works.
//! Afterwards the others resume one by one, because all at once would take the processors from the
//! requests again.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// How long many requests must run: a burst of them ends sooner.
const BURST: Duration = Duration::from_millis(20);
/// Pause between two loops that resume.
const RESUME: Duration = Duration::from_millis(250);
/// Longest pause of the first loop that pauses, so that requests never stop one: after it, the loop takes a
/// turn. The pauses of the others are longer by [`RESUME`] each, so that their turns do not coincide.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Whether a loop may take turns.
#[derive(Debug, Clone)]
pub(super) struct Precedence {
    number: usize,
    working: watch::Receiver<usize>,
}

impl Precedence {
    /// The precedence of requests over so many loops. `is_busy`: whether many requests run.
    pub(super) fn start(
        is_busy: watch::Receiver<bool>,
        loops: usize,
        stop: CancellationToken,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let (sender, working) = watch::channel(loops);
        tasks.spawn(async move {
            // It ends early if no API reports requests.
            let regulated = regulate(is_busy, loops, &sender);
            let _ = stop.run_until_cancelled(regulated).await;
            sender.send_replace(loops);
        });
        Self { number: 0, working }
    }

    /// The same for the loop of this number. Number 0 always works.
    pub(super) fn of_loop(&self, number: usize) -> Self {
        Self {
            number,
            working: self.working.clone(),
        }
    }

    pub(super) fn must_pause(&self) -> bool {
        self.number >= *self.working.borrow()
    }

    /// Waits until this loop may take turns, for a limited time.
    pub(super) async fn pause(&mut self) {
        let number = self.number;
        let others = u32::try_from(number.saturating_sub(1)).unwrap_or(u32::MAX);
        let resumed = self.working.wait_for(|working| number < *working);
        let _ = timeout(LONGEST_PAUSE + RESUME * others, resumed).await;
    }
}

/// Sets how many loops work. An error: the sender of `is_busy` is gone.
async fn regulate(
    mut is_busy: watch::Receiver<bool>,
    loops: usize,
    working: &watch::Sender<usize>,
) -> Result<(), watch::error::RecvError> {
    if loops == 1 {
        return Ok(());
    }
    // When the next loop resumes; a burst does not delay it.
    let mut resume_at = Instant::now() + RESUME;
    loop {
        let many = is_busy.wait_for(|many| *many);
        if *working.borrow() == loops {
            many.await?;
        } else if let Ok(many) = timeout_at(resume_at, many).await {
            many?;
        } else {
            working.send_modify(|working| *working += 1);
            resume_at = Instant::now() + RESUME;
            continue;
        }
        let few = is_busy.wait_for(|many| !many);
        if let Ok(few) = timeout(BURST, few).await {
            few?;
            continue;
        }
        working.send_replace(1);
        is_busy.wait_for(|many| !many).await?;
        resume_at = Instant::now() + RESUME;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn after(pause: Duration, working: &watch::Sender<usize>) -> usize {
        tokio::time::sleep(pause).await;
        *working.borrow()
    }

    #[tokio::test(start_paused = true)]
    async fn one_loop_works_while_many_requests_run_and_the_others_resume_one_by_one() {
        let (many, is_busy) = watch::channel(true);
        let working = watch::channel(3).0;
        let checked = async {
            assert_eq!(after(BURST * 2, &working).await, 1);
            assert_eq!(after(Duration::from_secs(60), &working).await, 1);
            many.send_replace(false);
            assert_eq!(after(RESUME / 2, &working).await, 1);
            assert_eq!(after(RESUME, &working).await, 2);
            for _ in 0..10 {
                // A burst, which neither stops loops nor delays the next one.
                many.send_replace(true);
                assert!(after(BURST / 2, &working).await >= 2);
                many.send_replace(false);
                assert!(after(BURST, &working).await >= 2);
            }
            assert_eq!(*working.borrow(), 3);
        };
        tokio::select! {
            ended = regulate(is_busy, 3, &working) => panic!("{ended:?}"),
            () = checked => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_pauses_takes_a_turn_now_and_then_and_the_only_loop_never_pauses() {
        let (_many, is_busy) = watch::channel(true);
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        let precedence = Precedence::start(is_busy.clone(), 2, stop.clone(), &mut tasks);
        let mut second = precedence.of_loop(1);
        tokio::time::sleep(BURST * 2).await;
        assert!(second.must_pause() && !precedence.must_pause());
        second.pause().await;
        assert!(second.must_pause());
        stop.cancel();
        tasks.join_next().await.unwrap().unwrap();
        assert!(!second.must_pause());

        let only = Precedence::start(is_busy, 1, CancellationToken::new(), &mut tasks);
        tasks.join_next().await.unwrap().unwrap();
        assert!(!only.must_pause());
    }
}
