//! Rules and what is left of them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock;
use crate::faults::{FaultKind, matches_call};

/// One order for faults, as code or the control API gives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// The call: `iam:CreateRole`, `dax:*`, `*`; for `deny` an action, such as `iam:PassRole`.
    pub call: String,
    /// What happens.
    pub fault: FaultKind,
    /// How many calls are hit. Absent: one, or, where `rate` or a life in `seconds` is given, any number.
    #[serde(default)]
    pub count: Option<u32>,
    /// For `slow` and `late` the delay, for `stuck` how long; for all others how long the rule lives.
    #[serde(default)]
    pub seconds: Option<f64>,
    /// With `rate`: where the random sequence starts, so that a run can be repeated.
    #[serde(default)]
    pub seed: Option<u64>,
    /// The share of matching calls that are hit, 0 to 1.
    #[serde(default)]
    pub rate: Option<f64>,
}

impl FaultRule {
    /// A rule that hits the next matching call once.
    #[must_use]
    pub fn new(call: &str, fault: FaultKind) -> FaultRule {
        FaultRule {
            call: call.to_owned(),
            fault,
            count: None,
            seconds: None,
            seed: None,
            rate: None,
        }
    }

    /// The same rule for that many calls.
    #[must_use]
    pub fn count(self, count: u32) -> FaultRule {
        FaultRule {
            count: Some(count),
            ..self
        }
    }

    /// The same rule with that delay or life.
    #[must_use]
    pub fn seconds(self, seconds: f64) -> FaultRule {
        FaultRule {
            seconds: Some(seconds),
            ..self
        }
    }

    /// The same rule for a random share of calls, repeatable by the seed.
    #[must_use]
    pub fn rate(self, rate: f64, seed: u64) -> FaultRule {
        FaultRule {
            rate: Some(rate),
            seed: Some(seed),
            ..self
        }
    }

    /// Whether `seconds` bounds the life of the rule rather than being part of the fault.
    fn seconds_are_life(&self) -> bool {
        !matches!(
            self.fault,
            FaultKind::Slow | FaultKind::Late | FaultKind::Stuck
        )
    }
}

/// A rule that is in force, with what is left of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActiveFault {
    /// The rule as it was given; a missing seed is filled in.
    #[serde(flatten)]
    pub rule: FaultRule,
    /// How many more calls it hits; `None` is no limit.
    pub left: Option<u32>,
    /// How many calls it has hit.
    pub hits: u32,
    /// When it ends by itself.
    pub until: Option<DateTime<Utc>>,
    #[serde(skip)]
    draws: u64,
}

impl ActiveFault {
    fn new(mut rule: FaultRule, now: DateTime<Utc>) -> ActiveFault {
        let life = rule.seconds.filter(|_| rule.seconds_are_life());
        if rule.rate.is_some() && rule.seed.is_none() {
            rule.seed = Some(uuid::Uuid::new_v4().as_u64_pair().0 >> 11);
        }
        let unlimited = rule.rate.is_some() || life.is_some();
        let left = if unlimited {
            rule.count
        } else {
            Some(rule.count.unwrap_or(1))
        };
        ActiveFault {
            left,
            hits: 0,
            until: life.map(|seconds| clock::after(now, seconds)),
            draws: 0,
            rule,
        }
    }

    fn alive(&self, now: DateTime<Utc>) -> bool {
        self.left != Some(0) && self.until.is_none_or(|until| now < until)
    }

    /// Draws by rate; the n-th draw of a seed always falls the same way.
    fn falls(&mut self) -> bool {
        let Some(rate) = self.rule.rate else {
            return true;
        };
        self.draws += 1;
        let mut hash = Sha256::new();
        hash.update(self.rule.seed.unwrap_or(0).to_be_bytes());
        hash.update(self.draws.to_be_bytes());
        let digest = hash.finalize();
        let drawn = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
        f64::from(drawn) < rate * 4_294_967_296.0
    }

    fn hit(&mut self) {
        self.hits += 1;
        self.left = self.left.map(|left| left.saturating_sub(1));
    }
}

/// What a rule does to the call at hand.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Injected {
    pub(crate) kind: FaultKind,
    pub(crate) seconds: Option<f64>,
}

impl Injected {
    /// The delay of `slow` and `late`.
    pub(crate) fn delay(&self) -> Duration {
        Duration::try_from_secs_f64(self.seconds.unwrap_or(1.0)).unwrap_or(Duration::ZERO)
    }
}

/// The rules in force, oldest first; the first that hits a call decides.
#[derive(Debug, Default)]
pub(crate) struct Rules(Vec<ActiveFault>);

impl Rules {
    pub(crate) fn add(&mut self, rule: FaultRule, now: DateTime<Utc>) {
        self.0.push(ActiveFault::new(rule, now));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The rules that can still hit something.
    pub(crate) fn active(&self, now: DateTime<Utc>) -> Vec<ActiveFault> {
        self.0
            .iter()
            .filter(|fault| fault.alive(now))
            .cloned()
            .collect()
    }

    /// The fault for a call that has just arrived; denials are asked for by `denies` instead.
    pub(crate) fn draw(&mut self, call: &str, now: DateTime<Utc>) -> Option<Injected> {
        self.0.retain(|fault| fault.alive(now));
        let hit = self.hit(|rule| {
            rule.fault != FaultKind::Deny
                && rule.fault.applies_to(call)
                && matches_call(&rule.call, call)
        })?;
        Some(Injected {
            kind: hit.fault.clone(),
            seconds: hit.seconds,
        })
    }

    /// Whether a `deny` rule hits this action.
    pub(crate) fn denies(&mut self, action: &str, now: DateTime<Utc>) -> bool {
        self.0.retain(|fault| fault.alive(now));
        self.hit(|rule| rule.fault == FaultKind::Deny && matches_call(&rule.call, action))
            .is_some()
    }

    /// Counts a hit of the first rule that is wanted and falls.
    fn hit(&mut self, wanted: impl Fn(&FaultRule) -> bool) -> Option<&FaultRule> {
        for fault in &mut self.0 {
            if wanted(&fault.rule) && fault.falls() {
                fault.hit();
                return Some(&fault.rule);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{FaultKind, FaultRule, Rules};
    use chrono::{TimeDelta, Utc};

    #[test]
    fn a_rule_hits_as_often_as_ordered_and_then_is_gone() {
        let (mut rules, now) = (Rules::default(), Utc::now());
        rules.add(FaultRule::new("iam:*", FaultKind::Throttle).count(2), now);
        assert!(rules.draw("dax:CreateCluster", now).is_none());
        assert!(rules.draw("iam:GetRole", now).is_some());
        assert_eq!(rules.active(now)[0].left, Some(1));
        assert!(rules.draw("iam:GetRole", now).is_some());
        assert!(rules.draw("iam:GetRole", now).is_none());
        assert!(rules.active(now).is_empty());
    }

    #[test]
    fn a_seed_repeats_the_same_hits_and_the_rate_is_kept() {
        let draw = |seed| {
            let (mut rules, now) = (Rules::default(), Utc::now());
            rules.add(
                FaultRule::new("*", FaultKind::Throttle).rate(0.3, seed),
                now,
            );
            (0..1000)
                .map(|_| rules.draw("iam:GetRole", now).is_some())
                .collect::<Vec<bool>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let hits = draw(7).into_iter().filter(|hit| *hit).count();
        assert!((230..=370).contains(&hits), "{hits} of 1000");
    }

    #[test]
    fn a_denial_lives_for_its_seconds() {
        let (mut rules, now) = (Rules::default(), Utc::now());
        rules.add(
            FaultRule::new("iam:PassRole", FaultKind::Deny).seconds(5.0),
            now,
        );
        assert!(rules.denies("iam:PassRole", now));
        assert!(rules.denies("iam:PassRole", now + TimeDelta::seconds(4)));
        assert!(!rules.denies("iam:CreateRole", now));
        assert!(!rules.denies("iam:PassRole", now + TimeDelta::seconds(5)));
    }
}
