//! DAX's paging: `MaxResults` from 20 to 100 and an opaque `NextToken` with the last returned key.

use crate::dax::messages::invalid_value;
use crate::wire::fault::ServiceFault;

/// AWS's default of `MaxResults`.
const DEFAULT_RESULTS: usize = 100;

/// The requested page of items in ascending key order, and the token of the next page.
pub(super) fn page<T>(
    max_results: Option<i64>,
    next_token: Option<&str>,
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), ServiceFault> {
    let limit = match max_results {
        None => DEFAULT_RESULTS,
        Some(limit) => usize::try_from(limit)
            .ok()
            .filter(|limit| (20..=100).contains(limit))
            .ok_or_else(|| invalid_value("MaxResults must be between 20 and 100."))?,
    };
    let after = match next_token {
        None => None,
        Some(token) => {
            let key = hex::decode(token)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok());
            Some(key.ok_or_else(|| invalid_value("The NextToken is not valid."))?)
        }
    };
    let mut rest = items
        .into_iter()
        .filter(|item| after.as_ref().is_none_or(|after| key(item) > *after));
    let items: Vec<T> = rest.by_ref().take(limit).collect();
    let has_more = rest.next().is_some();
    let token = items
        .last()
        .filter(|_| has_more)
        .map(|last| hex::encode(key(last)));
    Ok((items, token))
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn tokens_return_every_item_once() {
        let items: Vec<String> = (0..50).map(|number| format!("item-{number:02}")).collect();
        let (mut seen, mut token) = (Vec::new(), None);
        for expected in [20, 40, 50] {
            let (shown, next) =
                page(Some(20), token.as_deref(), items.clone(), Clone::clone).expect("a page");
            seen.extend(shown);
            assert_eq!((seen.len(), next.is_some()), (expected, expected < 50));
            token = next;
        }
        assert_eq!(seen, items);
    }

    #[test]
    fn bounds_and_tokens_are_checked() {
        let page = |limit, token| page(limit, token, ["a"], |item| (*item).to_owned());
        for limit in [i64::MIN, 0, 5, 19, 101, i64::MAX] {
            assert!(page(Some(limit), None).is_err(), "{limit}");
        }
        assert!(page(Some(20), Some("zz")).is_err());
        assert!(page(Some(100), None).is_ok());
    }
}
