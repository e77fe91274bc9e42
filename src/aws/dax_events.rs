//! Events that DAX records about a cluster.

use aws_sdk_dax::types::{Event, SourceType};
use chrono::DateTime;

use crate::domain::problems::fault::Fault;
use crate::domain::timeline::DaxEvent;

use super::Aws;
use super::fault::Call;

/// Age of the oldest requested event, in minutes: the retention of DAX, 14 days.
const EVENT_MINUTES: i32 = 14 * 24 * 60;
/// Maximum number of events in a problem.
const EVENT_COUNT: usize = 20;

impl Aws {
    /// dax DescribeEvents of a cluster name, all pages. DAX keeps events for 14 days by name, so
    /// the events of an earlier cluster with this name are included.
    pub async fn events_about_cluster(&self, name: &str) -> Result<Vec<DaxEvent>, Fault> {
        let mut events = Vec::new();
        let mut token = None;
        loop {
            let page = self.events_page(name, token).await?;
            events.extend(page.0.into_iter().filter_map(event));
            token = page.1;
            if token.is_none() {
                return Ok(events);
            }
        }
    }

    /// dax DescribeEvents of a cluster name, first page, newest first, as `<time> <message>`.
    pub async fn cluster_events(&self, name: &str) -> Result<Vec<String>, Fault> {
        let (mut events, _) = self.events_page(name, None).await?;
        events.sort_by_key(|event| std::cmp::Reverse(event.date.map(|date| date.secs())));
        Ok(events
            .into_iter()
            .take(EVENT_COUNT)
            .map(|event| {
                let date = event.date.map(|date| date.to_string()).unwrap_or_default();
                format!("{date} {}", event.message.unwrap_or_default())
            })
            .collect())
    }

    async fn events_page(
        &self,
        name: &str,
        token: Option<String>,
    ) -> Result<(Vec<Event>, Option<String>), Fault> {
        let call = Call::read("dax", "DescribeEvents", None);
        let request = self
            .dax
            .describe_events()
            .source_name(name)
            .source_type(SourceType::Cluster);
        let request = request.duration(EVENT_MINUTES).set_next_token(token);
        let answer = call.response(request.send()).await?;
        Ok((answer.events.unwrap_or_default(), answer.next_token))
    }
}

/// Converts an event. An event without a time is dropped.
fn event(event: Event) -> Option<DaxEvent> {
    let date = event.date?;
    let at = DateTime::from_timestamp(date.secs(), date.subsec_nanos() / 1_000 * 1_000)?;
    Some(DaxEvent {
        at,
        message: event.message.unwrap_or_default(),
    })
}
