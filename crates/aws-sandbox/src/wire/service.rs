//! The simulated AWS services and their protocols.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Dax,
    Iam,
    Sts,
    Ec2,
    DynamoDb,
}

/// The format of a service's requests and responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `X-Amz-Target`, with JSON requests and responses.
    Json { content_type: &'static str },
    /// Form requests and XML responses, with a result wrapper.
    Query { namespace: &'static str },
    /// Form requests and XML responses, without a result wrapper.
    Ec2 { namespace: &'static str },
}

impl Service {
    pub(crate) const ALL: [Service; 5] = [
        Service::Dax,
        Service::Iam,
        Service::Sts,
        Service::Ec2,
        Service::DynamoDb,
    ];

    /// The signing name, which is also the prefix of actions.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Service::Dax => "dax",
            Service::Iam => "iam",
            Service::Sts => "sts",
            Service::Ec2 => "ec2",
            Service::DynamoDb => "dynamodb",
        }
    }

    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Service::Dax => Protocol::Json {
                content_type: "application/x-amz-json-1.1",
            },
            Service::DynamoDb => Protocol::Json {
                content_type: "application/x-amz-json-1.0",
            },
            Service::Iam => Protocol::Query {
                namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
            },
            Service::Sts => Protocol::Query {
                namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
            },
            Service::Ec2 => Protocol::Ec2 {
                namespace: "http://ec2.amazonaws.com/doc/2016-11-15/",
            },
        }
    }

    /// The prefix of `X-Amz-Target`, for the JSON services.
    pub(crate) fn target_prefix(self) -> Option<&'static str> {
        match self {
            Service::Dax => Some("AmazonDAXV3"),
            Service::DynamoDb => Some("DynamoDB_20120810"),
            Service::Iam | Service::Sts | Service::Ec2 => None,
        }
    }

    /// The API version in a form, for the query services.
    pub(crate) fn version(self) -> Option<&'static str> {
        match self {
            Service::Iam => Some("2010-05-08"),
            Service::Sts => Some("2011-06-15"),
            Service::Ec2 => Some("2016-11-15"),
            Service::Dax | Service::DynamoDb => None,
        }
    }
}
