//! DAX's own events about a cluster.

use aws_sdk_dax::types::{Event, SourceType};
use chrono::DateTime;

use crate::domain::problems::fault::Fault;
use crate::domain::timeline::DaxEvent;

use super::Aws;
use super::fault::{Call, fault_of};

/// How far back events are asked for, in minutes: as far as DAX keeps them.
const EVENT_MINUTES: i32 = 14 * 24 * 60;
/// Most events that become part of a problem.
const EVENT_COUNT: usize = 20;

impl Aws {
    /// dax DescribeEvents about a cluster, every page. DAX keeps 14 days, by name: an earlier cluster of the same name is
    /// among them.
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

    /// dax DescribeEvents about a cluster, the first page, newest first, as `<time> <message>`.
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
        let answer = request
            .send()
            .await
            .map_err(|error| fault_of(&call, &error))?;
        Ok((answer.events.unwrap_or_default(), answer.next_token))
    }
}

/// An event with its time; one without a time has no place in a history.
fn event(event: Event) -> Option<DaxEvent> {
    let date = event.date?;
    let at = DateTime::from_timestamp(date.secs(), date.subsec_nanos() / 1_000 * 1_000)?;
    Some(DaxEvent {
        at,
        message: event.message.unwrap_or_default(),
    })
}
