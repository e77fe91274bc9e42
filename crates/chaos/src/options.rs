//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

/// Runs replicas of the service with PostgreSQL, a standby and the AWS sandbox under faults, and
/// checks afterwards that nothing was lost, doubled, left behind or touched without right
#[derive(Debug, Clone, Parser)]
#[command(name = "chaos")]
pub(crate) struct Options {
    /// Seed of the schedule of faults and of the requests [default: from the clock]
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Time with faults: seconds, or a number with s, m, h or d
    #[arg(long, default_value = "3m", value_parser = duration)]
    pub(crate) duration: Duration,
    /// Number of clients that send requests
    #[arg(long, default_value_t = 24)]
    pub(crate) clients: usize,
    /// The binary of the service [default: built by cargo from this workspace]
    #[arg(long)]
    pub(crate) binary: Option<PathBuf>,
    /// Directory for logs and data; it is kept [default: a new one, removed if the run passes]
    #[arg(long)]
    pub(crate) directory: Option<PathBuf>,
    /// Replicate asynchronously: the run reports what a failover loses instead of failing on it
    #[arg(long)]
    pub(crate) asynchronous: bool,
    /// Leave out the minimum counts, for short runs
    #[arg(long)]
    pub(crate) no_minima: bool,
    /// Leave out the measurement of resume times
    #[arg(long)]
    pub(crate) no_resume_times: bool,
    /// Another run instead of the faults.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    /// Print the schedule of faults of a seed
    Schedule,
    /// Send more than the service can take, and check its answers
    Overload {
        /// Time with overload
        #[arg(long, default_value = "30s", value_parser = duration)]
        overload: Duration,
        /// The rate, as a multiple of the rate at which operations end as fast as they come
        #[arg(long, default_value_t = 2.0)]
        times: f64,
    },
}

fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        None => (text, "s"),
        Some(at) => text.split_at(at),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| format!("{text:?} is no duration; use for example 90s, 3m, 1h or 1d"))?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(format!("{unit:?} is no unit; use s, m, h or d")),
    };
    Ok(Duration::from_secs(number * seconds))
}
