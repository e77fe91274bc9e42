//! Fault rules and their remaining hits.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock;
use crate::faults::{FaultKind, matches_call};

/// A fault rule, added by code or by the control API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// The call: `iam:CreateRole`, `dax:*`, `*`. For `deny` an action, such as `iam:PassRole`.
    pub call: String,
    /// The fault of matching calls.
    pub fault: FaultKind,
    /// How many calls are hit. Default: one, or no limit with `lag`, with `rate` or with a lifetime
    /// in `seconds`.
    #[serde(default)]
    pub count: Option<u32>,
    /// The delay of `slow`, `late` and `lag`, the duration of `stuck`, the rule's lifetime for all
    /// others.
    #[serde(default)]
    pub seconds: Option<f64>,
    /// Seed of the random sequence for `rate`, which makes the hits repeatable. It also chooses the
    /// member that `gap` omits.
    #[serde(default)]
    pub seed: Option<u64>,
    /// The share of matching calls that are hit, 0 to 1.
    #[serde(default)]
    pub rate: Option<f64>,
    /// The account whose calls are hit. Default: every account.
    #[serde(default)]
    pub account: Option<String>,
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
            account: None,
        }
    }

    /// The same rule for `count` calls.
    #[must_use]
    pub fn count(self, count: u32) -> FaultRule {
        FaultRule {
            count: Some(count),
            ..self
        }
    }

    /// The same rule with this delay, duration or lifetime in seconds.
    #[must_use]
    pub fn seconds(self, seconds: f64) -> FaultRule {
        FaultRule {
            seconds: Some(seconds),
            ..self
        }
    }

    /// The same rule for a random share of calls, repeatable by `seed`.
    #[must_use]
    pub fn rate(self, rate: f64, seed: u64) -> FaultRule {
        FaultRule {
            rate: Some(rate),
            seed: Some(seed),
            ..self
        }
    }

    /// The same rule for the calls of one account.
    #[must_use]
    pub fn of_account(self, account_id: &str) -> FaultRule {
        FaultRule {
            account: Some(account_id.to_owned()),
            ..self
        }
    }

    fn is_of(&self, account_id: &str) -> bool {
        self.account.as_ref().is_none_or(|only| only == account_id)
    }

    /// Whether `seconds` is the lifetime of the rule rather than a part of the fault.
    fn seconds_limit_rule(&self) -> bool {
        !matches!(
            self.fault,
            FaultKind::Slow | FaultKind::Late | FaultKind::Lag | FaultKind::Stuck
        )
    }
}

/// An active rule with its remaining hits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActiveFault {
    /// The rule as it was added, with a generated seed if it had none.
    #[serde(flatten)]
    pub rule: FaultRule,
    /// How many more calls it hits; `None` for no limit.
    pub left: Option<u32>,
    /// How many calls it has hit.
    pub hits: u32,
    /// When its lifetime ends.
    pub until: Option<DateTime<Utc>>,
    #[serde(skip)]
    draws: u64,
}

impl ActiveFault {
    fn new(mut rule: FaultRule, now: DateTime<Utc>) -> ActiveFault {
        let lifetime = rule.seconds.filter(|_| rule.seconds_limit_rule());
        if rule.rate.is_some() && rule.seed.is_none() {
            rule.seed = Some(uuid::Uuid::new_v4().as_u64_pair().0 >> 11);
        }
        let unlimited = rule.rate.is_some() || lifetime.is_some() || rule.fault == FaultKind::Lag;
        let left = if unlimited {
            rule.count
        } else {
            Some(rule.count.unwrap_or(1))
        };
        ActiveFault {
            left,
            hits: 0,
            until: lifetime.map(|seconds| clock::after(now, seconds)),
            draws: 0,
            rule,
        }
    }

    fn is_active(&self, now: DateTime<Utc>) -> bool {
        self.left != Some(0) && self.until.is_none_or(|until| now < until)
    }

    /// Draws by `rate`. The n-th draw of a seed always has the same result.
    fn draw(&mut self) -> bool {
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

/// The fault that a rule injects into a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Injected {
    pub(crate) kind: FaultKind,
    pub(crate) seconds: Option<f64>,
    pub(crate) seed: Option<u64>,
}

impl Injected {
    /// The fault `throttle` of a call that exceeds a rate limit.
    pub(crate) fn throttle() -> Injected {
        Injected {
            kind: FaultKind::Throttle,
            seconds: None,
            seed: None,
        }
    }

    /// The delay of `slow`, `late` and `lag`.
    pub(crate) fn delay(&self) -> Duration {
        delay(self.seconds)
    }
}

fn delay(seconds: Option<f64>) -> Duration {
    Duration::try_from_secs_f64(seconds.unwrap_or(1.0)).unwrap_or(Duration::ZERO)
}

/// The active rules, oldest first. The first that hits a call applies.
#[derive(Debug, Default)]
pub(crate) struct Rules(Vec<ActiveFault>);

impl Rules {
    pub(crate) fn add(&mut self, rule: FaultRule, now: DateTime<Utc>) {
        self.0.push(ActiveFault::new(rule, now));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The rules that can still hit a call.
    pub(crate) fn active(&self, now: DateTime<Utc>) -> Vec<ActiveFault> {
        self.0
            .iter()
            .filter(|fault| fault.is_active(now))
            .cloned()
            .collect()
    }

    /// The longest lag of the active `lag` rules.
    pub(crate) fn longest_lag(&self, now: DateTime<Utc>) -> Option<Duration> {
        let active = self.0.iter().filter(|fault| fault.is_active(now));
        active
            .filter(|fault| fault.rule.fault == FaultKind::Lag)
            .map(|fault| delay(fault.rule.seconds))
            .max()
    }

    /// The fault of a new call, of a kind that `applies` to it. `denies` draws the denials, which
    /// depend on the action.
    pub(crate) fn draw(
        &mut self,
        call: &str,
        account_id: &str,
        now: DateTime<Utc>,
        applies: impl Fn(&FaultKind) -> bool,
    ) -> Option<Injected> {
        self.0.retain(|fault| fault.is_active(now));
        let hit = self.hit(|rule| {
            rule.fault != FaultKind::Deny
                && rule.is_of(account_id)
                && matches_call(&rule.call, call)
                && applies(&rule.fault)
        })?;
        Some(Injected {
            kind: hit.fault.clone(),
            seconds: hit.seconds,
            seed: hit.seed,
        })
    }

    /// Whether a `deny` rule hits this action.
    pub(crate) fn denies(&mut self, action: &str, account_id: &str, now: DateTime<Utc>) -> bool {
        self.0.retain(|fault| fault.is_active(now));
        let hit = self.hit(|rule| {
            rule.fault == FaultKind::Deny
                && rule.is_of(account_id)
                && matches_call(&rule.call, action)
        });
        hit.is_some()
    }

    /// Counts a hit of the first rule that applies and is drawn.
    fn hit(&mut self, applies: impl Fn(&FaultRule) -> bool) -> Option<&FaultRule> {
        for fault in &mut self.0 {
            if applies(&fault.rule) && fault.draw() {
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
    use chrono::{DateTime, TimeDelta, Utc};

    fn is_hit(rules: &mut Rules, call: &str, now: DateTime<Utc>) -> bool {
        rules.draw(call, "123456789012", now, |_| true).is_some()
    }

    #[test]
    fn a_rule_hits_as_often_as_counted_and_then_ends() {
        let (mut rules, now) = (Rules::default(), Utc::now());
        rules.add(FaultRule::new("iam:*", FaultKind::Throttle).count(2), now);
        assert!(!is_hit(&mut rules, "dax:CreateCluster", now));
        assert!(is_hit(&mut rules, "iam:GetRole", now));
        assert_eq!(rules.active(now)[0].left, Some(1));
        assert!(is_hit(&mut rules, "iam:GetRole", now));
        assert!(!is_hit(&mut rules, "iam:GetRole", now));
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
                .map(|_| is_hit(&mut rules, "iam:GetRole", now))
                .collect::<Vec<bool>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let hits = draw(7).into_iter().filter(|hit| *hit).count();
        assert!((230..=370).contains(&hits), "{hits} of 1000");
    }

    #[test]
    fn a_denial_ends_after_its_seconds() {
        let (mut rules, now) = (Rules::default(), Utc::now());
        rules.add(
            FaultRule::new("iam:PassRole", FaultKind::Deny).seconds(5.0),
            now,
        );
        assert!(rules.denies("iam:PassRole", "123456789012", now));
        assert!(rules.denies("iam:PassRole", "123456789012", now + TimeDelta::seconds(4)));
        assert!(!rules.denies("iam:CreateRole", "123456789012", now));
        assert!(!rules.denies("iam:PassRole", "123456789012", now + TimeDelta::seconds(5)));
    }
}
