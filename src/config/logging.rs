//! Settings of the log and of traces.

use reqwest::Url;
use tracing_subscriber::EnvFilter;

use super::arguments::LoggingArguments;
use super::reader::Reader;

/// The filter and the format of the log, and where traces go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    /// A valid `EnvFilter`.
    pub filter: String,
    /// The format of a line.
    pub format: LogFormat,
    /// The collector of traces; `None` makes none.
    pub otlp_endpoint: Option<Url>,
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
            otlp_endpoint: None,
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
    let otlp_endpoint = match flags.otlp_endpoint.as_deref() {
        None => Some(None),
        Some(text) => {
            let rule = "must be an http or https URL without user, query and fragment, such as http://127.0.0.1:4318";
            reader
                .value("otlp_endpoint", text, rule, collector)
                .map(Some)
        }
    };
    Some(Logging {
        filter: filter?,
        format: format?,
        otlp_endpoint: otlp_endpoint?,
    })
}

/// A URL with a user would put a secret into `--print-config`.
fn collector(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}
