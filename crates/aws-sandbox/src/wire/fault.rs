//! An error of an AWS service, before it is worded in a protocol.

use std::borrow::Cow;

/// What a service answers instead of a result.
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

    /// A fault whose code is only known at run time, because a test injected it.
    pub(crate) fn injected(code: String, message: String) -> ServiceFault {
        ServiceFault {
            code: Cow::Owned(code),
            message,
        }
    }
}
