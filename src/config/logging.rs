//! Settings of the log.

use tracing_subscriber::EnvFilter;

use super::arguments::LoggingArguments;
use super::reader::Reader;

/// How to log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    /// An `EnvFilter` that parses.
    pub filter: String,
    /// In which form.
    pub format: LogFormat,
}

/// In which form to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object for each line.
    Json,
}

impl LogFormat {
    /// The word of the setting.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl Logging {
    /// For commands whose output is the answer: warnings only.
    pub fn quiet() -> Self {
        Self {
            filter: "warn".to_owned(),
            format: LogFormat::Text,
        }
    }
}

pub(super) fn read(
    flags: &LoggingArguments,
    default: &str,
    reader: &mut Reader<'_>,
) -> Option<Logging> {
    let filter = flags.log.as_deref().unwrap_or(default);
    let rule = "must be a level or a filter, such as debug or info,dax_provisioner::worker=debug";
    let filter = reader.value("log", filter, rule, |text| {
        EnvFilter::try_new(text).ok().map(|_| text.to_owned())
    });
    let format = reader.value(
        "log_format",
        &flags.log_format,
        "must be text or json",
        |text| {
            [LogFormat::Text, LogFormat::Json]
                .into_iter()
                .find(|format| format.as_str() == text)
        },
    );
    Some(Logging {
        filter: filter?,
        format: format?,
    })
}
