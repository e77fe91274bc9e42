//! Hints: what any AWS service may answer: throttling, credentials, and its own failures.

use super::pages::{ENDPOINTS, IAM_COMMON_ERRORS, REGIONS, RETRIES, SIGNING};
use super::{ANY_SERVICE, Hint, ROW};

const ANY: Hint = Hint {
    service: ANY_SERVICE,
    ..ROW
};

/// A row for each common error, under the first of its names.
pub(super) const ROWS: &[Hint] = &[
    Hint {
        id: "throttled",
        code: "Throttling",
        title: "AWS throttles the account's calls: nothing to do but wait.",
        explanation: "The step tries again with growing pauses. If it lasts, other tools use up the account's rate: CloudTrail filtered by `errorCode` = `ThrottlingException` names them.",
        documentation: RETRIES,
        ..ANY
    },
    Hint {
        id: "internal_failure",
        code: "InternalFailure",
        title: "AWS failed on its own side.",
        explanation: "Whether the call took effect is open, so the step looks before it calls again. If it lasts longer than an hour, open a support case with the `request_id` of this problem.",
        documentation: IAM_COMMON_ERRORS,
        ..ANY
    },
    Hint {
        id: "dax_internal_failure",
        service: "dax",
        code: "InternalFailure",
        title: "DAX failed on its own side, or is not offered in this Region.",
        explanation: "Some Regions without DAX answer every call with `InternalFailure`. If `aws dax describe-clusters` fails likewise and no cluster ever worked here, choose another Region; else the step tries again.",
        documentation: ENDPOINTS,
        ..ANY
    },
    Hint {
        id: "service_unavailable",
        code: "ServiceUnavailable",
        title: "The AWS service is not available for the moment.",
        explanation: "HTTP 503: the step tries again with growing pauses. The AWS Health Dashboard shows whether the service in this Region (`AWS_REGION`) has a known disturbance.",
        documentation: "https://docs.aws.amazon.com/health/latest/ug/what-is-aws-health.html",
        ..ANY
    },
    Hint {
        id: "credentials_unknown",
        code: "InvalidClientTokenId",
        title: "AWS does not know the access key this service uses.",
        explanation: "The key was deleted or deactivated, belongs to another partition, or is temporary and lacks its `AWS_SESSION_TOKEN`. `aws sts get-caller-identity` in the service's environment must succeed.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html",
        ..ANY
    },
    Hint {
        id: "credentials_expired",
        code: "ExpiredToken",
        title: "The temporary credentials of this service have expired.",
        explanation: "Credentials copied into the environment (`AWS_SESSION_TOKEN`) are never renewed. Give the service a role through its platform, or a profile that assumes one, and it renews them itself.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp.html",
        ..ANY
    },
    Hint {
        id: "signature_mismatch",
        code: "SignatureDoesNotMatch",
        title: "The secret key of this service is wrong.",
        explanation: "AWS knows the access key, but the signature was made with another secret: compare `AWS_SECRET_ACCESS_KEY`, and mind blanks or line ends copied along. A proxy that rewrites headers has the same effect.",
        documentation: SIGNING,
        ..ANY
    },
    Hint {
        id: "clock_skew",
        code: "RequestExpired",
        title: "The clock of this machine is wrong.",
        explanation: "AWS accepts signatures made at most 5 minutes ago or ahead. Synchronise the clock, for instance with `chronyc tracking`; `dax-provisioner doctor` shows the difference.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html#signature-v4-troubleshooting-credential-scope",
        ..ANY
    },
    Hint {
        id: "signature_incomplete",
        code: "IncompleteSignature",
        title: "Something between this service and AWS damages the signature.",
        explanation: "The `Authorization` header arrived incomplete. Look for a proxy (`HTTPS_PROXY`) or an endpoint override (`AWS_ENDPOINT_URL`) that strips or rewrites headers.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html",
        ..ANY
    },
    Hint {
        id: "credentials_missing",
        code: "MissingAuthenticationToken",
        title: "The call reached AWS without credentials.",
        explanation: "The service found none, or something removed the `Authorization` header. Set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, `AWS_PROFILE`, or give the machine a role.",
        documentation: "https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html",
        ..ANY
    },
    Hint {
        id: "region_not_enabled",
        code: "OptInRequired",
        title: "The account has not enabled this Region, or not signed up for the service.",
        explanation: "Regions such as `ap-east-1` and `eu-south-1` must be switched on for the account: `aws account enable-region --region-name …`, some minutes before it works. Else choose another `AWS_REGION`.",
        documentation: REGIONS,
        ..ANY
    },
    Hint {
        id: "call_unknown",
        code: "InvalidAction",
        title: "The endpoint does not know this call.",
        explanation: "AWS answers so when a call goes to the wrong service; an emulator, when it lacks the call. Check `AWS_ENDPOINT_URL` and its variants: with real AWS none should be set.",
        documentation: "https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html",
        ..ANY
    },
    Hint {
        id: "request_invalid",
        code: "ValidationError",
        title: "AWS does not accept a field's length or characters.",
        explanation: "The message names the field and the pattern it must match, such as `roleName` and `[\\w+=,.@-]+`. Correct that field in the request; if it is not one of yours, report it as a fault of this service.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html",
        ..ANY
    },
];
