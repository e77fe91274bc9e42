//! IAM's paging: `MaxItems`, and an opaque `Marker` that encodes the last key of a page.

use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;

/// AWS's default for `MaxItems`.
const DEFAULT_ITEMS: usize = 100;

#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) end: PageEnd,
}

/// The paging fields of a response.
#[derive(Debug)]
pub(super) struct PageEnd {
    pub(super) is_truncated: bool,
    pub(super) marker: Option<String>,
}

/// The requested page. `items` must be in ascending order of `key`.
pub(super) fn page<T>(
    form: &Form,
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> String,
) -> Result<Page<T>, ServiceFault> {
    let max_items = match form.text("MaxItems") {
        None => DEFAULT_ITEMS,
        Some(text) => text.parse().ok().filter(|max| (1..=1000).contains(max)).ok_or_else(|| {
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
    let items: Vec<T> = rest.by_ref().take(max_items).collect();
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
    fn markers_page_through_all_items_once() {
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
    fn invalid_paging_is_rejected() {
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
