//! The report of a run: counts, minima, resume times, and each violation with its history.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::Value;

use crate::api::Api;
use crate::arena::Arena;
use crate::checks;
use crate::options::Options;
use crate::resume::{self, Measured};
use crate::watch::Observers;
use crate::workload::text;

/// What must happen at least in 30 minutes; shorter and longer runs need their part of it.
const MINIMA: [(&str, usize); 7] = [
    ("operations", 5_000),
    ("faults", 10_000),
    ("kill -9", 150),
    ("terminations", 90),
    ("database restarts", 20),
    ("failovers", 3),
    ("full disks", 8),
];
const MINIMA_SECONDS: f64 = 1_800.0;
/// Every kind of operation that a build without lookups has must have succeeded.
const KINDS: [&str; 8] = [
    "create_cluster",
    "delete_cluster",
    "update_cluster",
    "scale_cluster",
    "reboot_nodes",
    "repair_cluster",
    "adopt_cluster",
    "release_cluster",
];
const ENDS: &str = "select kind, status, count(*) from operations group by 1, 2 order by 1, 2";
/// Violations that are printed with their history.
const HISTORIES: usize = 12;

#[derive(Debug)]
pub(crate) struct Report {
    seed: u64,
    seconds: f64,
    has_minima: bool,
    is_asynchronous: bool,
    /// How often each fault of AWS hit a call.
    pub(crate) faults: BTreeMap<String, usize>,
    /// What was injected otherwise.
    pub(crate) counts: BTreeMap<String, usize>,
    pub(crate) quiet_seconds: f64,
    pub(crate) lost: usize,
    pub(crate) effects: usize,
    pub(crate) repeated_webhooks: usize,
    pub(crate) resume: Measured,
}

impl Report {
    pub(crate) fn new(options: &Options, seed: u64) -> Self {
        Self {
            seed,
            seconds: options.duration.as_secs_f64(),
            has_minima: !options.no_minima,
            is_asynchronous: options.asynchronous,
            faults: BTreeMap::new(),
            counts: BTreeMap::new(),
            quiet_seconds: 0.0,
            lost: 0,
            effects: 0,
            repeated_webhooks: 0,
            resume: Measured::new(),
        }
    }

    /// Prints everything. Returns whether there is no violation.
    pub(crate) async fn print(
        mut self,
        arena: &Arena,
        api: &Api,
        observers: &Observers,
    ) -> Result<bool> {
        let ends = arena.database.lock().await.rows(ENDS).await?;
        println!("\noperations");
        for end in &ends {
            println!(
                "  {:<18} {:<10} {}",
                text(end, "kind"),
                text(end, "status"),
                end["count"]
            );
        }
        let operations: u64 = ends.iter().filter_map(|end| end["count"].as_u64()).sum();
        let mut counts = self.counts.clone();
        let faults = counts.values().sum::<usize>() + self.faults.values().sum::<usize>();
        counts.insert("operations".to_owned(), usize::try_from(operations)?);
        counts.insert("faults".to_owned(), faults);
        println!("counts");
        for (what, count) in &counts {
            println!("  {what:<32} {count}");
        }
        println!("  faults of AWS by kind: {:?}", self.faults);
        self.print_answers(api, observers);
        if self.has_minima {
            self.check_minima(arena, &counts, &ends);
        }
        for violation in resume::print(&mut self.resume) {
            arena.violation(violation);
        }
        self.print_violations(arena).await
    }

    fn print_answers(&self, api: &Api, observers: &Observers) {
        let ledger = api.ledger();
        println!("  effects in AWS                   {}", self.effects);
        println!(
            "  accepted by clients              {}",
            ledger.accepted.len()
        );
        println!("  lost by failovers                {}", self.lost);
        println!("  answers by status: {:?}", ledger.statuses);
        println!(
            "  requests without an answer       {}",
            ledger.without_answer
        );
        let observed = observers.observed();
        println!("  events read from the feed        {}", observed.feed.len());
        let deliveries: usize = observed.deliveries.values().sum();
        println!(
            "  deliveries of webhooks           {deliveries}, {} rejected, {} repeated",
            observed.rejected, self.repeated_webhooks
        );
        println!(
            "  seconds until quiet              {:.1}",
            self.quiet_seconds
        );
    }

    fn check_minima(&self, arena: &Arena, counts: &BTreeMap<String, usize>, ends: &[Value]) {
        let part = self.seconds / MINIMA_SECONDS;
        for (what, most) in MINIMA {
            let least = scaled(most, part);
            let count = counts.get(what).copied().unwrap_or(0);
            let is_possible = what != "full disks" || count > 0;
            if count < least && is_possible {
                arena.violation(format!("too little: {count} {what}, at least {least}"));
            }
        }
        for kind in KINDS {
            let succeeded =
                |end: &&Value| text(end, "kind") == kind && text(end, "status") == "succeeded";
            if !ends.iter().any(|end| succeeded(&end)) {
                arena.violation(format!("too little: no {kind} succeeded"));
            }
        }
    }

    async fn print_violations(&self, arena: &Arena) -> Result<bool> {
        let violations = arena.violations();
        println!("\nviolations: {}", violations.len());
        for (at, violation) in violations.iter().enumerate() {
            println!("  {violation}");
            if at < HISTORIES {
                for row in checks::history(arena, violation).await? {
                    println!(
                        "      {} {} {} {}",
                        text(&row, "at"),
                        text(&row, "what"),
                        text(&row, "name"),
                        text(&row, "detail")
                    );
                }
            }
        }
        let seconds = self.seconds;
        if self.is_asynchronous {
            let lost = self.lost;
            println!("with asynchronous replication: {lost} acknowledged operations were lost");
            return Ok(true);
        }
        match violations.is_empty() {
            true => println!("passed: seed {}, {seconds} s", self.seed),
            false => println!(
                "FAILED: repeat with --seed {} --duration {seconds}s",
                self.seed
            ),
        }
        Ok(violations.is_empty())
    }
}

/// A part of a minimum, rounded down.
fn scaled(most: usize, part: f64) -> usize {
    let most = u32::try_from(most).map_or(f64::MAX, f64::from);
    // The result is small and not negative.
    format!("{:.0}", (most * part).floor()).parse().unwrap_or(0)
}
