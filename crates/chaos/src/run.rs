//! A run: start, faults, quiet, checks.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::api::Api;
use crate::arena::{Arena, REPLICAS};
use crate::options::Options;
use crate::report::Report;
use crate::settle::items;
use crate::watch::Observers;
use crate::workload::{Workload, text};
use crate::{checks, inject, resume, schedule, settle};

/// Runs and prints the report. Returns whether every check passed.
pub(crate) async fn run(options: &Options, binary: &Path, root: &Path, seed: u64) -> Result<bool> {
    println!(
        "seed {seed}, {} s, {} clients",
        options.duration.as_secs(),
        options.clients
    );
    let arena = Arc::new(Arena::start(options, binary, root).await?);
    if !arena.database.lock().await.has_own_disk() {
        arena.say("no file system can be mounted, so the disk is never full");
    }
    let tokens = arena.installation.tokens.clone();
    let api = Arc::new(Api::new(arena.front_ports().await, tokens)?);
    let before = checks::first_inventories(&arena).await?;
    let observers = Observers::default();
    let webhook = observers.receive(&api, seed).await?;
    let (stop, stopped) = watch::channel(false);
    let watching = observers
        .clone()
        .run(Arc::clone(&arena), Arc::clone(&api), stopped);
    let watching = tokio::spawn(watching);
    let mut report = Report::new(options, seed);

    arena.say("faults begin");
    let clients = Clients::start(&arena, &api, options, seed, &before);
    let plan = schedule::plan(seed, options.duration, REPLICAS);
    inject::run(&arena, plan, options.duration).await;
    inject::heal(&arena).await?;
    arena.say("faults have ended");
    observers.read_journal(&arena).await?;
    report.faults = observers.observed().faults.clone();
    report.counts = arena.counts();
    if !options.no_resume_times {
        let rounds = usize::try_from(options.duration.as_secs() / 60)?.clamp(1, 20);
        report.resume = resume::measure(&arena, &api, rounds).await?;
        arena.say("resume times are measured");
    }
    clients.stop().await;

    let settled = async {
        report.quiet_seconds = settle::await_quiet(&arena, &api).await?;
        settle::remove_all(&arena, &api).await?;
        settle::await_followers(&arena, &api, &webhook).await
    };
    let is_settled = settled.await;
    stop.send_replace(true);
    watching.await?;
    observers.read_journal(&arena).await?;
    observers
        .read_feed(&api, &mut crate::random::Random::new(0, 9))
        .await;
    arena.say("everything is quiet");

    report.lost = checks::nothing_lost(&arena, &api, options.asynchronous).await?;
    report.effects = checks::effects_have_intents(&arena, &observers).await?;
    if is_settled.is_ok() {
        checks::nothing_orphaned(&arena, &before).await?;
        checks::feed_is_whole(&arena, &observers).await?;
        report.repeated_webhooks = checks::webhooks_delivered(&arena, &observers).await?;
    }
    report.print(&arena, &api, &observers).await
}

/// The clients that send requests.
struct Clients {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Clients {
    fn start(
        arena: &Arc<Arena>,
        api: &Arc<Api>,
        options: &Options,
        seed: u64,
        inventories: &[serde_json::Value],
    ) -> Self {
        let subnets: Vec<Vec<String>> = inventories
            .iter()
            .map(|inventory| {
                let ids = items(inventory, "subnets").map(|subnet| text(subnet, "id").to_owned());
                ids.collect()
            })
            .collect();
        let stop = watch::channel(false).0;
        let mut tasks = JoinSet::new();
        for number in 0..options.clients {
            let (subnets, stopped) = (subnets.clone(), stop.subscribe());
            let client = Workload::new(api, &arena.sandbox, seed, number, subnets, stopped);
            tasks.spawn(client.run());
        }
        Self { tasks, stop }
    }

    /// Lets each client end its request.
    async fn stop(mut self) {
        self.stop.send_replace(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(Duration::from_secs(180), ended).await;
    }
}
