//! Settings of the log.

use tracing_subscriber::EnvFilter;

use super::arguments::LoggingArguments;
use super::reader::Reader;

/// The filter and the format of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    /// A valid `EnvFilter`.
    pub filter: String,
    /// The format of a line.
    pub format: LogFormat,
}

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Plain text.
    Text,
    /// One JSON object per line.
    Json,
}

impl LogFormat {
    /// The value of the setting.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl Logging {
    /// Warnings only, for commands that print their result.
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
