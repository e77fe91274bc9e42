//! What a decision costs.

use std::time::Instant;

use super::*;
use crate::domain::project::UsagePart;

/// A hundred limits as a platform team writes them.
fn hundred_policies() -> String {
    let mut text = BUILT_IN.to_owned();
    for number in 0..94 {
        let action = ["create_cluster", "update_cluster", "scale_cluster"][number % 3];
        text += &format!(
            "@id(\"limit-{number}\") @advice(\"ask\") forbid (principal, action == Action::\"{action}\", resource in Project::\"p{number}\") \
             when {{ context.project_nodes > {number} || context.node_type like \"dax.r{number}*\" }} unless {{ principal in Group::\"admins\" }};\n"
        );
    }
    text
}

#[test]
#[ignore = "a benchmark: run it with --release --ignored --nocapture"]
fn cost_of_a_decision() {
    let rules = rules(&hundred_policies());
    let spec = spec(named_tables());
    let changed = all_fields(&spec);
    let part = UsagePart {
        target: TargetName::default(),
        node_type: "dax.r5.large".to_owned(),
        clusters: 3,
        nodes: 9,
    };
    let usage = ProjectUsage { parts: vec![part] };
    let settings = settings(&rules, &spec, &changed, &usage);
    let (scope, caller) = (
        scope(Some("payments")),
        caller(&["operators", "corp:developers"], &["payments"]),
    );
    for (name, action, subject) in [
        (
            "create_cluster",
            Action::CreateCluster,
            Subject::Settings(&settings, &scope),
        ),
        ("read", Action::Read, Subject::Scope(&scope)),
    ] {
        let question = Question {
            caller: &caller,
            action,
            subject,
        };
        assert!(rules.decide(&question).is_ok());
        let mut times = Vec::new();
        for _ in 0..20 {
            let start = Instant::now();
            for _ in 0..500 {
                let _ = std::hint::black_box(rules.decide(&question));
            }
            times.push(start.elapsed().as_secs_f64() / 500.0 * 1e6);
        }
        times.sort_by(f64::total_cmp);
        println!(
            "{name}: median {:.1} µs, best {:.1} µs",
            times[10], times[0]
        );
    }
}
