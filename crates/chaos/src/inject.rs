//! Injects the faults of a schedule, and heals everything at the end.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use rustix::process::Signal;
use serde_json::json;
use tokio::task::JoinSet;

use crate::arena::Arena;
use crate::proxy::Proxy;
use crate::schedule::{Fault, Link, Planned, Restart};
use crate::service::Replica;

/// How long a terminated replica may take to end.
const DRAIN: Duration = Duration::from_secs(12);
/// Runs the schedule to its end.
pub(crate) async fn run(arena: &Arc<Arena>, plan: Vec<Planned>, duration: Duration) {
    let mut tasks = JoinSet::new();
    let began = tokio::time::Instant::now();
    for planned in plan {
        supervised_until(arena, began + planned.at).await;
        let arena = Arc::clone(arena);
        tasks.spawn(async move {
            let shown = planned.to_string();
            if let Err(error) = inject(&arena, planned.fault).await {
                arena.say(&format!("not injected: {}: {error:#}", shown.trim()));
            }
        });
        while tasks.try_join_next().is_some() {}
    }
    supervised_until(arena, began + duration).await;
    while tasks.join_next().await.is_some() {}
}

async fn supervised_until(arena: &Arena, end: tokio::time::Instant) {
    while tokio::time::Instant::now() < end {
        arena.supervise().await;
        let next = tokio::time::Instant::now() + Duration::from_millis(300);
        tokio::time::sleep_until(next.min(end)).await;
    }
}

/// Ends all faults.
pub(crate) async fn heal(arena: &Arena) -> Result<()> {
    let sandbox = &arena.sandbox;
    sandbox.control("DELETE", "faults", None).await?;
    sandbox.permit(&[]).await?;
    for replica in &arena.replicas {
        let replica = replica.lock().await;
        for link in [&replica.front, &replica.database, &replica.aws] {
            link.freeze(false);
            link.refuse(false);
        }
    }
    arena.supervise().await;
    for replica in &arena.replicas {
        let mut replica = replica.lock().await;
        replica.await_ready(Duration::from_secs(30)).await?;
    }
    Ok(())
}

async fn inject(arena: &Arena, fault: Fault) -> Result<()> {
    match fault {
        Fault::Kill { replica, pause } => kill(arena, replica, pause).await,
        Fault::Terminate { replica, pause } => terminate(arena, replica, pause).await,
        Fault::Freeze { replica, seconds } => {
            let mut replica = arena.replicas[replica].lock().await;
            if let Some(process) = replica.process() {
                process.signal(Signal::STOP);
                sleep(seconds).await;
                process.signal(Signal::CONT);
                arena.count("freezes of a process", 1);
            }
            Ok(())
        }
        Fault::Storm { seconds } => storm(arena, seconds).await,
        Fault::FreezeConnections {
            link,
            replica,
            seconds,
        } => {
            let proxy = proxy(&*arena.replicas[replica].lock().await, link);
            proxy.freeze(true);
            sleep(seconds).await;
            proxy.freeze(false);
            arena.count("freezes of connections", 1);
            Ok(())
        }
        Fault::CutConnections {
            link,
            replica,
            seconds,
        } => {
            let proxy = proxy(&*arena.replicas[replica].lock().await, link);
            proxy.refuse(true);
            arena.count("connections cut", proxy.cut());
            sleep(seconds).await;
            proxy.refuse(false);
            Ok(())
        }
        Fault::Aws {
            call,
            fault,
            rate,
            seconds,
            lasts,
            seed,
        } => {
            let mut rule = json!({"call": call, "fault": fault, "seed": seed});
            // The sandbox reads `seconds` as the delay of these, and as the lifetime of the others.
            if seconds > 0.0 {
                rule["seconds"] = json!(seconds);
                rule["count"] = json!(4 + seed % 12);
            } else {
                rule["seconds"] = json!(lasts);
            }
            if fault != "lag" {
                rule["rate"] = json!(rate);
            }
            arena.sandbox.control("POST", "faults", Some(&rule)).await?;
            Ok(())
        }
        Fault::Deny { action, seconds } => {
            arena.sandbox.permit(&[action]).await?;
            sleep(seconds).await;
            arena.sandbox.permit(&[]).await?;
            arena.count("permissions taken and given back", 1);
            Ok(())
        }
        Fault::AdvanceSandboxClock { seconds } => {
            let advance = json!({"advance_seconds": seconds});
            arena
                .sandbox
                .control("POST", "clock", Some(&advance))
                .await?;
            arena.count("clock jumps", 1);
            Ok(())
        }
        other => inject_database(arena, other).await,
    }
}

async fn inject_database(arena: &Arena, fault: Fault) -> Result<()> {
    let mut database = arena.database.lock().await;
    match fault {
        Fault::RestartDatabase { how, pause } => {
            let signal = match how {
                Restart::Fast => Signal::INT,
                Restart::Immediate => Signal::QUIT,
                Restart::Crash => Signal::KILL,
            };
            database
                .restart(signal, Duration::from_secs_f64(pause))
                .await?;
            arena.count("database restarts", 1);
        }
        Fault::FailOver { rewind } => {
            database.fail_over().await?;
            arena.count("failovers", 1);
            database.attach_standby(rewind).await?;
            arena.say(&format!(
                "failed over; the new standby is by {}",
                database.last_copy
            ));
        }
        Fault::FreezeDatabase { seconds } => {
            database.freeze_primary(true);
            sleep(seconds).await;
            database.freeze_primary(false);
            arena.count("freezes of the database", 1);
        }
        Fault::FreezeStandby { seconds } => {
            database.freeze_standby(true);
            sleep(seconds).await;
            database.freeze_standby(false);
            arena.count("freezes of the standby", 1);
        }
        Fault::FillDisk { seconds } if database.has_own_disk() => {
            database.fill_disk();
            sleep(seconds).await;
            database.empty_disk();
            arena.count("full disks", 1);
        }
        Fault::EndLeases => {
            let statement = "update operations set wake_at = now(), lease_until = now()
                where finished_at is null and owner is not null";
            database.execute(statement).await?;
            arena.count("clock jumps", 1);
        }
        Fault::ExtendLeases { seconds } => {
            let statement = format!(
                "update operations set wake_at = wake_at + interval '{seconds} s',
                    lease_until = lease_until + interval '{seconds} s'
                where finished_at is null and owner is not null"
            );
            database.execute(&statement).await?;
            arena.count("clock jumps", 1);
        }
        _ => {}
    }
    Ok(())
}

async fn kill(arena: &Arena, replica: usize, pause: f64) -> Result<()> {
    let mut replica = arena.replicas[replica].lock().await;
    if let Some(mut process) = replica.take() {
        process.signal(Signal::KILL);
        process.wait(DRAIN).await;
        arena.count("kill -9", 1);
    }
    sleep(pause).await;
    replica.start(&arena.installation)
}

async fn terminate(arena: &Arena, replica: usize, pause: f64) -> Result<()> {
    let mut replica = arena.replicas[replica].lock().await;
    if let Some(mut process) = replica.take() {
        // The listener is bound after the handlers of signals are installed.
        let handles = replica.listens();
        process.signal(Signal::TERM);
        match process.wait(DRAIN).await {
            None => arena.violation("a terminated replica did not end within 12 s".to_owned()),
            Some(status) if !status.success() && handles => {
                arena.violation(format!("a terminated replica ended with {status}"));
            }
            Some(_) => arena.count("terminations", 1),
        }
    }
    sleep(pause).await;
    replica.start(&arena.installation)
}

/// Starts five more replicas at once, and kills them later.
async fn storm(arena: &Arena, seconds: f64) -> Result<()> {
    let mut extra = Vec::new();
    for number in 0..5 {
        let port = arena.sandbox.port;
        let name = format!("storm-{number}");
        let mut replica = Replica::new(&name, port, port, true).await?;
        replica.database = arena.replicas[number % arena.replicas.len()]
            .lock()
            .await
            .database
            .clone();
        replica.start(&arena.installation)?;
        extra.push(replica);
    }
    sleep(seconds).await;
    for mut replica in extra {
        if let Some(end) = replica.unexpected_end() {
            arena.violation(end);
        }
    }
    arena.count("processes of start storms", 5);
    Ok(())
}

fn proxy(replica: &Replica, link: Link) -> Proxy {
    match link {
        Link::Clients => replica.front.clone(),
        Link::Database => replica.database.clone(),
        Link::Aws => replica.aws.clone(),
    }
}

async fn sleep(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}
