//! Prices: what a node costs an hour, by Region and node type. No price is invented: what the list
//! does not have is unknown.

use std::collections::BTreeMap;

/// Hours in a month, as AWS counts them.
pub const HOURS_PER_MONTH: i64 = 730;

/// The price list of an installation; empty without one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prices {
    /// Price of a node hour in millionths of a US dollar, by Region and node type.
    pub hourly_micros: BTreeMap<(String, String), i64>,
}

/// What nodes cost in US dollars; `None` where no price is known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// For an hour.
    pub hourly_usd: Option<f64>,
    /// For a month of [`HOURS_PER_MONTH`], rounded up to a cent.
    pub monthly_usd: Option<f64>,
}

impl Cost {
    /// The cost of no nodes.
    pub const NOTHING: Self = Self {
        hourly_usd: Some(0.0),
        monthly_usd: Some(0.0),
    };
}

impl Prices {
    /// The cost of this many nodes.
    pub fn cost(&self, region: &str, node_type: &str, nodes: i64) -> Cost {
        let dollars = |amount: i64, parts: f64| amount as f64 / parts;
        let micros = self.hourly_micros(region, node_type, nodes);
        let cents = self.monthly_cents(region, node_type, nodes);
        Cost {
            hourly_usd: micros.map(|micros| dollars(micros, 1_000_000.0)),
            monthly_usd: cents.map(|cents| dollars(cents, 100.0)),
        }
    }

    /// The price of an hour of this many nodes in millionths of a US dollar, if it is known.
    pub fn hourly_micros(&self, region: &str, node_type: &str, nodes: i64) -> Option<i64> {
        let key = (region.to_owned(), node_type.to_owned());
        self.hourly_micros.get(&key)?.checked_mul(nodes)
    }

    /// The price of a month of this many nodes in US cents, rounded up, if it is known.
    pub fn monthly_cents(&self, region: &str, node_type: &str, nodes: i64) -> Option<i64> {
        let hour = self.hourly_micros(region, node_type, nodes)?;
        Some((hour.checked_mul(HOURS_PER_MONTH)?.checked_add(9_999)?) / 10_000)
    }
}
