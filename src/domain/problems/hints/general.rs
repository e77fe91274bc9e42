//! Hints: errors that every AWS service can return: throttling, credentials, internal failures.

use super::pages::{ENDPOINTS, IAM_COMMON_ERRORS, REGIONS, RETRIES, SIGNING};
use super::{ANY_SERVICE, Hint, ROW};

const ANY: Hint = Hint {
    service: ANY_SERVICE,
    ..ROW
};

/// A row for each common error, under its normalised code.
pub(super) const ROWS: &[Hint] = &[
    Hint {
        id: "throttled",
        code: "Throttling",
        title: "AWS throttles the account's calls: nothing to do but wait.",
        explanation: "The step retries with increasing delays. If the error persists, other tools \
            use up the account's rate: CloudTrail events with `errorCode` = `ThrottlingException` \
            name them.",
        documentation: RETRIES,
        ..ANY
    },
    Hint {
        id: "internal_failure",
        code: "InternalFailure",
        title: "AWS failed internally.",
        explanation: "The outcome of the call is unknown, so the step reads the current state \
            before it calls again. If the error lasts longer than an hour, open a support case \
            with the `request_id` of this problem.",
        documentation: IAM_COMMON_ERRORS,
        ..ANY
    },
    Hint {
        id: "dax_internal_failure",
        service: "dax",
        code: "InternalFailure",
        title: "DAX failed internally, or is not offered in this Region.",
        explanation: "Some Regions without DAX return `InternalFailure` for every call. If `aws \
            dax describe-clusters` fails too and no cluster ever worked here, choose another \
            Region. Otherwise, the step retries.",
        documentation: ENDPOINTS,
        ..ANY
    },
    Hint {
        id: "service_unavailable",
        code: "ServiceUnavailable",
        title: "The AWS service is temporarily unavailable.",
        explanation: "AWS returned HTTP 503, so the step retries with increasing delays. The AWS \
            Health Dashboard shows known disruptions of the service in this Region (`AWS_REGION`).",
        documentation: "https://docs.aws.amazon.com/health/latest/ug/what-is-aws-health.html",
        ..ANY
    },
    Hint {
        id: "credentials_unknown",
        code: "InvalidClientTokenId",
        title: "AWS does not know this service's access key.",
        explanation: "The key was deleted or deactivated, belongs to another partition, or is \
            temporary and lacks its `AWS_SESSION_TOKEN`. `aws sts get-caller-identity` in the \
            service's environment must succeed.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html",
        ..ANY
    },
    Hint {
        id: "credentials_not_for_iam",
        service: "iam",
        code: "InvalidClientTokenId",
        title: "IAM rejects these credentials: session credentials without MFA cannot call IAM.",
        explanation: "Credentials of `GetSessionToken` without MFA and of `GetFederationToken` can \
            call DAX and STS, but not IAM. Run this service with a role or the user's own access \
            key. The check is `aws iam list-roles --max-items 1` in the service's environment; \
            `aws sts get-caller-identity` succeeds in both cases.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html",
        ..ANY
    },
    Hint {
        id: "credentials_expired",
        code: "ExpiredToken",
        title: "This service's temporary credentials have expired.",
        explanation: "Credentials copied into the environment (`AWS_SESSION_TOKEN`) are never \
            renewed. Give the service a role through its platform, or a profile that assumes a \
            role; both are renewed automatically.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp.html",
        ..ANY
    },
    Hint {
        id: "signature_mismatch",
        code: "SignatureDoesNotMatch",
        title: "This service's secret key is wrong.",
        explanation: "AWS knows the access key, but the signature was computed with another \
            secret. Check `AWS_SECRET_ACCESS_KEY`, including copied spaces and line breaks. A \
            proxy that rewrites headers has the same effect.",
        documentation: SIGNING,
        ..ANY
    },
    Hint {
        id: "clock_skew",
        code: "RequestExpired",
        title: "The clock of this machine is wrong.",
        explanation: "AWS accepts signatures whose time differs by at most 5 minutes. Synchronise \
            the clock and check it with `chronyc tracking`. `dax-provisioner doctor` shows the \
            difference.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html#signature-v4-troubleshooting-credential-scope",
        ..ANY
    },
    Hint {
        id: "signature_incomplete",
        code: "IncompleteSignature",
        title: "A proxy or endpoint between this service and AWS damages the signature.",
        explanation: "The `Authorization` header arrived incomplete. Check for a proxy \
            (`HTTPS_PROXY`) or an endpoint override (`AWS_ENDPOINT_URL`) that removes or rewrites \
            headers.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html",
        ..ANY
    },
    Hint {
        id: "credentials_missing",
        code: "MissingAuthenticationToken",
        title: "The call reached AWS without credentials.",
        explanation: "The service found no credentials, or a proxy removed the `Authorization` \
            header. Set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, set `AWS_PROFILE`, or \
            give the machine a role.",
        documentation: "https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html",
        ..ANY
    },
    Hint {
        id: "region_not_enabled",
        code: "OptInRequired",
        title: "The account has not enabled this Region, or has not signed up for the service.",
        explanation: "Regions such as `ap-east-1` and `eu-south-1` must be enabled for the account \
            with `aws account enable-region --region-name …`, which takes some minutes. Otherwise, \
            choose another `AWS_REGION`.",
        documentation: REGIONS,
        ..ANY
    },
    Hint {
        id: "call_unknown",
        code: "InvalidAction",
        title: "The endpoint does not know this call.",
        explanation: "AWS returns this error if a call goes to the wrong service, an emulator if \
            it lacks the call. Check `AWS_ENDPOINT_URL` and its variants: with real AWS none of \
            them may be set.",
        documentation: "https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html",
        ..ANY
    },
    Hint {
        id: "request_invalid",
        code: "ValidationError",
        title: "AWS rejected the length or characters of a field.",
        explanation: "The message names the field and the pattern it must match, such as \
            `roleName` and `[\\w+=,.@-]+`. Correct that field in the request. If the request has \
            no such field, report the message as a bug of this service.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html",
        ..ANY
    },
];
