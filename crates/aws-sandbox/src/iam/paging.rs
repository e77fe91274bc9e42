//! IAM's paging: `MaxItems` and an opaque `Marker` that holds the last key shown.

use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;

/// AWS's default where `MaxItems` is not given.
const DEFAULT_ITEMS: usize = 100;

/// One page of a list.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) end: PageEnd,
}

/// How a page ends, as the answer says it.
#[derive(Debug)]
pub(super) struct PageEnd {
    pub(super) is_truncated: bool,
    pub(super) marker: Option<String>,
}

/// The page that a request asks for, out of items in ascending order of their keys.
pub(super) fn page<T>(
    form: &Form,
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> String,
) -> Result<Page<T>, ServiceFault> {
    let most = match form.text("MaxItems") {
        None => DEFAULT_ITEMS,
        Some(text) => text.parse().ok().filter(|most| (1..=1000).contains(most)).ok_or_else(|| {
            let message = format!(
                "1 validation error detected: Value '{text}' at 'maxItems' failed to satisfy constraint: Member must be \
                 between 1 and 1000"
            );
            ServiceFault::new("ValidationError", message)
        })?,
    };
    let after = match form.text("Marker") {
        None => None,
        Some(marker) => {
            let bytes = hex::decode(marker)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok());
            Some(bytes.ok_or_else(|| {
                ServiceFault::new("ValidationError", format!("Invalid Marker: {marker}"))
            })?)
        }
    };
    let mut rest = items
        .into_iter()
        .filter(|item| after.as_ref().is_none_or(|after| key(item) > *after));
    let items: Vec<T> = rest.by_ref().take(most).collect();
    let is_truncated = rest.next().is_some();
    let marker = items
        .last()
        .filter(|_| is_truncated)
        .map(|last| hex::encode(key(last)));
    Ok(Page {
        items,
        end: PageEnd {
            is_truncated,
            marker,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::page;
    use crate::wire::form::Form;

    #[test]
    fn markers_lead_through_all_items_once() {
        let items: Vec<String> = (0..7).map(|number| format!("item-{number}")).collect();
        let (mut seen, mut marker) = (Vec::new(), None);
        for _ in 0..3 {
            let form = match &marker {
                None => Form::parse(b"MaxItems=3"),
                Some(marker) => Form::parse(format!("MaxItems=3&Marker={marker}").as_bytes()),
            };
            let page = page(&form, items.clone(), Clone::clone).expect("a page");
            assert_eq!(page.end.is_truncated, seen.len() < 6);
            seen.extend(page.items);
            marker = page.end.marker;
        }
        assert_eq!(seen, items);
        assert_eq!(marker, None);
    }

    #[test]
    fn nonsense_is_refused() {
        for query in [
            "MaxItems=0",
            "MaxItems=x",
            "MaxItems=1001",
            "Marker=zz",
            "Marker=ff",
        ] {
            assert!(
                page(&Form::parse(query.as_bytes()), ["a"], |item| (*item)
                    .to_owned())
                .is_err(),
                "{query}"
            );
        }
    }
}
