//! `prices.json`: AWS's price list of DAX, as the Price List Bulk API publishes it (offer file,
//! format version v1.0, offer code `AmazonDAX`).

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::domain::prices::Prices;

use super::faults::Faults;
use super::files::PRICES;

/// The offer code of DAX.
const OFFER_CODE: &str = "AmazonDAX";
/// Most digits after the decimal point that count: millionths of a dollar.
const DECIMALS: usize = 6;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Offer {
    offer_code: String,
    products: BTreeMap<String, Product>,
    terms: Terms,
}

#[derive(Deserialize)]
struct Product {
    attributes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Terms {
    #[serde(rename = "OnDemand", default)]
    on_demand: BTreeMap<String, BTreeMap<String, Term>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Term {
    price_dimensions: BTreeMap<String, Dimension>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dimension {
    unit: String,
    price_per_unit: BTreeMap<String, String>,
}

/// Reads the file.
pub(super) fn read(content: &[u8], faults: &mut Faults) -> Prices {
    let offer: Offer = match serde_json::from_slice(content) {
        Ok(offer) => offer,
        Err(error) => {
            let rule = format!("must be an offer file of AWS's price list: {error}");
            faults.add(PRICES, "", rule);
            return Prices::default();
        }
    };
    if offer.offer_code != OFFER_CODE {
        let rule = format!("must be the offer file with offerCode {OFFER_CODE}");
        faults.add(PRICES, "offerCode", rule);
    }
    let mut hourly_micros = BTreeMap::new();
    for (sku, product) in &offer.products {
        let Some(key) = node_of(&product.attributes) else {
            continue;
        };
        let price = hourly(offer.terms.on_demand.get(sku));
        match (price, hourly_micros.get(&key)) {
            (Some(price), None) => {
                hourly_micros.insert(key, price);
            }
            (Some(price), Some(other)) if price != *other => {
                let rule = format!("{} in {} has two prices", key.1, key.0);
                faults.add(PRICES, &format!("products.{sku}"), rule);
            }
            (Some(_) | None, _) => {}
        }
    }
    if hourly_micros.is_empty() {
        faults.add(PRICES, "", "has no price of a node per hour in USD");
    }
    Prices { hourly_micros }
}

/// The Region and node type of a product, if it is a node.
fn node_of(attributes: &BTreeMap<String, String>) -> Option<(String, String)> {
    let region = attributes.get("regionCode")?;
    let node_type = attributes.get("instanceType")?;
    let node_type = node_type.to_ascii_lowercase();
    let node_type = match node_type.strip_prefix("dax.") {
        Some(_) => node_type,
        None => format!("dax.{node_type}"),
    };
    Some((region.clone(), node_type))
}

/// The price of an hour in millionths of a US dollar.
fn hourly(terms: Option<&BTreeMap<String, Term>>) -> Option<i64> {
    let dimensions = terms?
        .values()
        .flat_map(|term| term.price_dimensions.values());
    let mut hours = dimensions.filter(|dimension| dimension.unit.eq_ignore_ascii_case("hrs"));
    micros(hours.next()?.price_per_unit.get("USD")?)
}

/// A decimal number in millionths; further digits are rounded up.
fn micros(text: &str) -> Option<i64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let are_digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || !are_digits(whole) || !are_digits(decimals) {
        return None;
    }
    let kept = &decimals[..decimals.len().min(DECIMALS)];
    let rest = &decimals[kept.len()..];
    let digits = format!("{whole}{kept:0<DECIMALS$}");
    let value: i64 = digits.parse().ok()?;
    let rounded_up = rest.bytes().any(|digit| digit != b'0');
    value.checked_add(i64::from(rounded_up))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn offer(price: &str) -> Vec<u8> {
        let product = json!({"sku": "A", "attributes": {
            "servicecode": "AmazonDAX", "regionCode": "us-east-1", "instanceType": "dax.r5.large"}});
        let term = json!({"priceDimensions": {"A.1": {
            "unit": "Hrs", "pricePerUnit": {"USD": price}}}});
        json!({
            "formatVersion": "v1.0", "offerCode": "AmazonDAX", "publicationDate": "2026-11-01T00:00:00Z",
            "products": {"A": product, "B": {"attributes": {"regionCode": "us-east-1"}}},
            "terms": {"OnDemand": {"A": {"A.T": term}}},
        })
        .to_string()
        .into_bytes()
    }

    #[test]
    fn the_price_of_a_node_hour_is_read_exactly() {
        for (text, micros) in [
            ("0.2690000000", 269_000),
            ("1", 1_000_000),
            ("0.0000001", 1),
            ("12.5", 12_500_000),
        ] {
            let mut faults = Faults::default();
            let prices = read(&offer(text), &mut faults);
            assert_eq!(faults.0, []);
            assert_eq!(
                prices.hourly_micros("us-east-1", "dax.r5.large", 1),
                Some(micros)
            );
            assert_eq!(prices.hourly_micros("us-east-1", "dax.r5.xlarge", 1), None);
            assert_eq!(prices.hourly_micros("eu-west-1", "dax.r5.large", 1), None);
        }
        let prices = read(&offer("0.269"), &mut Faults::default());
        // 0.269 * 730 * 3 = 589.11
        assert_eq!(
            prices.monthly_cents("us-east-1", "dax.r5.large", 3),
            Some(58_911)
        );
    }

    #[test]
    fn another_file_is_a_fault() {
        for content in [
            "",
            "{}",
            r#"{"offerCode": "AmazonEC2", "products": {}, "terms": {}}"#,
        ] {
            let mut faults = Faults::default();
            read(content.as_bytes(), &mut faults);
            assert!(!faults.0.is_empty(), "{content}");
        }
        for price in ["", "-1", "1e3", "0x1", "1.2.3"] {
            let mut faults = Faults::default();
            let prices = read(&offer(price), &mut faults);
            assert_eq!(prices, Prices::default(), "{price}");
        }
    }
}
