//! The command line of the program.

use std::process::Command;

fn schedule(seed: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_chaos"))
        .args(["--seed", seed, "--duration", "1m", "schedule"])
        .output()
        .expect("the program was built with this test");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("the schedule is text")
}

#[test]
fn a_seed_prints_the_same_schedule_each_time() {
    assert_eq!(schedule("7"), schedule("7"));
    assert_ne!(schedule("7"), schedule("8"));
}
