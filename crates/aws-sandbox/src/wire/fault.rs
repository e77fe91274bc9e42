//! An error of an AWS service, independent of the protocol.

use std::borrow::Cow;

/// An error that a service returns instead of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceFault {
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
}

impl ServiceFault {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> ServiceFault {
        ServiceFault {
            code: Cow::Borrowed(code),
            message: message.into(),
        }
    }

    /// An injected fault, whose code is known only at run time.
    pub(crate) fn injected(code: String, message: String) -> ServiceFault {
        ServiceFault {
            code: Cow::Owned(code),
            message,
        }
    }
}
