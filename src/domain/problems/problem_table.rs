//! The codes, statuses and texts of the problem types.

pub(crate) struct Row {
    pub(crate) code: &'static str,
    pub(crate) status: u16,
    pub(crate) title: &'static str,
    pub(crate) retryable: bool,
    pub(crate) explanation: &'static str,
}

const fn row(
    code: &'static str,
    status: u16,
    title: &'static str,
    retryable: bool,
    explanation: &'static str,
) -> Row {
    Row {
        code,
        status,
        title,
        retryable,
        explanation,
    }
}

/// The problem types, in the order of the enum `ProblemCode`.
pub(crate) const ROWS: [Row; 47] = [
    row(
        "invalid_request",
        422,
        "The request is invalid",
        false,
        "`errors` lists every violation with the JSON pointer of its field. Correct all of them \
         and send the request again. A body that is not valid JSON has status 400.",
    ),
    row(
        "target_required",
        422,
        "The request must name its target",
        false,
        "The installation has more than one AWS account and Region. Name one of `GET /v1/targets`: \
         `target` in the body of a create, a plan or a preflight, `?target=` elsewhere.",
    ),
    row(
        "unknown_target",
        422,
        "No target has this name",
        false,
        "`GET /v1/targets` lists the targets of this installation.",
    ),
    row(
        "target_unavailable",
        422,
        "The target cannot be used",
        false,
        "`GET /v1/targets/{name}` says why. The operator of the service must correct its entry in the \
         organisation, or its account.",
    ),
    row(
        "unauthenticated",
        401,
        "A valid bearer token is required",
        false,
        "Send `Authorization: Bearer <token>`. An operator creates tokens with `dax-provisioner \
         token create`.",
    ),
    row(
        "forbidden",
        403,
        "The request is not permitted",
        false,
        "`detail` contains the reason: the token lacks permission, or the request comes from a web \
         page while authentication is off. Ask the operator of the service.",
    ),
    row(
        "not_found",
        404,
        "Not found",
        false,
        "Check the path and the name. A deleted cluster is not found, but its operations can still \
         be read.",
    ),
    row(
        "method_not_allowed",
        405,
        "The method is not allowed on this path",
        false,
        "The `Allow` header lists the methods of this path.",
    ),
    row(
        "body_too_large",
        413,
        "The request body is too large",
        false,
        "A request body can have at most 64 KiB.",
    ),
    row(
        "unsupported_media_type",
        415,
        "The request body must be JSON",
        false,
        "Send `Content-Type: application/json`. A PATCH also accepts \
         `application/merge-patch+json`.",
    ),
    row(
        "too_many_requests",
        429,
        "Too many requests",
        true,
        "Wait for the number of seconds in `Retry-After`, then send the request again.",
    ),
    row(
        "unavailable",
        503,
        "The service is temporarily unavailable",
        true,
        "Wait for the number of seconds in `Retry-After`, then send the request again. It is \
         unknown whether a change was accepted. With the same `Idempotency-Key` it is accepted \
         only once, and `/v1/operations` lists what was accepted.",
    ),
    row(
        "internal",
        500,
        "Internal error",
        true,
        "This is a fault of the service. Report the request ID of the response to its operator. \
         Sending the request again with the same `Idempotency-Key` is safe.",
    ),
    row(
        "idempotency_key_reused",
        422,
        "The idempotency key was used for another request",
        false,
        "A key belongs to one request. Use a new key for a new request. To repeat a request, send \
         the same body again.",
    ),
    row(
        "cluster_exists",
        409,
        "A cluster with this name already exists",
        false,
        "Choose another name, or delete the cluster first.",
    ),
    row(
        "operation_in_progress",
        409,
        "Another operation is in progress on this cluster",
        true,
        "A cluster has one operation at a time; `instance` is the current one. Wait until it \
         finishes. A DELETE need not wait: it supersedes the operation.",
    ),
    row(
        "operation_finished",
        409,
        "The operation has finished",
        false,
        "A finished operation never changes. Send a new request instead.",
    ),
    row(
        "operation_not_blocked",
        409,
        "The operation is not blocked",
        true,
        "Only a blocked operation can be retried or rolled back. To stop a running one, cancel it.",
    ),
    row(
        "operation_not_cancellable",
        409,
        "The operation can no longer be cancelled",
        false,
        "A delete cannot be cancelled once it was sent to AWS or has superseded another operation. \
         A rollback that has started cannot be cancelled either. Wait until the operation \
         finishes.",
    ),
    row(
        "operation_not_awaiting_approval",
        409,
        "The operation does not wait for an approval",
        false,
        "It needs no approval, or the last one has started it. To stop it, cancel it.",
    ),
    row(
        "approval_not_allowed",
        403,
        "The operation was not approved",
        false,
        "A member of each group of `approvals` decides, other than the caller who requested the operation and \
         the person for whom it was requested. A cancelled operation with this problem was rejected, has \
         expired, or could no longer be started when it was approved; send a new request.",
    ),
    row(
        "cluster_failed",
        409,
        "The cluster was never created",
        false,
        "Its creation ended without a cluster, so there is nothing to change. Create it again, \
         adopt the cluster that exists in AWS under this name, or delete the failed entry.",
    ),
    row(
        "cursor_expired",
        410,
        "Events after the cursor are no longer available",
        false,
        "`detail` contains the reason and the oldest cursor. Events were deleted with their \
         operation, or the database was restored from a backup. Read the state that you keep \
         again, then continue after the oldest cursor.",
    ),
    row(
        "precondition_required",
        428,
        "If-Match is required",
        false,
        "Read the resource, and send its `ETag` as `If-Match`.",
    ),
    row(
        "precondition_failed",
        412,
        "The resource has changed since it was read",
        false,
        "Read the resource again and reapply your change.",
    ),
    row(
        "immutable_field",
        409,
        "This setting cannot be changed after creation",
        false,
        "`errors` names each such field and the alternative. A setting that DAX fixes at creation \
         needs a new cluster: create it with the new setting, move the clients, and delete the old \
         one.",
    ),
    row(
        "deletion_protected",
        409,
        "The cluster is protected against deletion",
        false,
        "Set `deletion_protection` to false first.",
    ),
    row(
        "endpoint_not_ready",
        409,
        "The cluster has no endpoint yet",
        true,
        "DAX assigns the endpoint while it creates the cluster, which takes minutes. `instance` is \
         the last operation on the cluster: poll it until it succeeds, then send the request \
         again.",
    ),
    row(
        "preflight_failed",
        422,
        "The preflight found problems",
        false,
        "`hints` lists every problem. Nothing was created.",
    ),
    row(
        "service_role_unspecified",
        422,
        "The service role is ambiguous",
        false,
        "Give the role in `service_role.arn`, or describe a new one with `service_role.access` and \
         `service_role.tables`.",
    ),
    row(
        "service_role_not_found",
        422,
        "The service role does not exist",
        false,
        "No role of the account has this ARN. `candidates` lists the roles that could be meant: a \
         role of the same name under another path, or the roles that trust DAX. Send a new request \
         with one of them, or with `service_role.access` and `service_role.tables` to have a role \
         created.",
    ),
    row(
        "permission_missing",
        502,
        "AWS denied an action: a permission is missing",
        true,
        "`aws` contains the denied action and resource, `hints` the policy statement that allows \
         it. An operation resumes automatically once the permission is granted. Send any other \
         request again.",
    ),
    row(
        "role_not_assumable",
        502,
        "DAX cannot assume the service role",
        true,
        "The role's trust policy must allow `dax.amazonaws.com` to call `sts:AssumeRole`. A \
         recently created role may need a few minutes. The operation retries automatically.",
    ),
    row(
        "cluster_exists_in_aws",
        409,
        "A cluster with this name exists in AWS and is not managed by this service",
        false,
        "`differences` compares it with the request. Choose another name, or adopt the cluster: \
         `resolution` is the request that does so.",
    ),
    row(
        "resource_conflict",
        409,
        "A resource in AWS conflicts with this request",
        false,
        "A resource of that name exists and was not created by this operation, or is in use. It \
         was not changed.",
    ),
    row(
        "quota_exceeded",
        502,
        "A quota of the AWS account is used up",
        true,
        "Delete unused resources, or ask AWS to raise the quota. The operation retries \
         automatically every ten minutes.",
    ),
    row(
        "capacity_unavailable",
        502,
        "AWS has no capacity for this cluster at the moment",
        true,
        "Send a new request with other availability zones or another node type, or wait. The \
         operation retries automatically every ten minutes.",
    ),
    row(
        "region_unsupported",
        422,
        "DAX is not offered in this Region",
        false,
        "Use a Region that offers DAX.",
    ),
    row(
        "cluster_not_available",
        504,
        "The cluster did not become available in time",
        true,
        "`events` lists AWS's events about the cluster. The operation keeps checking and resumes \
         if AWS recovers. Delete the cluster to stop paying for it.",
    ),
    row(
        "aws_rejected_input",
        422,
        "AWS rejected the request as invalid",
        false,
        "`aws.message` contains the reason. Correct the request and send it again.",
    ),
    row(
        "aws_unavailable",
        503,
        "AWS is not responding correctly",
        true,
        "An operation retries automatically. Send any other request again.",
    ),
    row(
        "credentials_invalid",
        502,
        "AWS rejected the service's credentials",
        true,
        "The operator of the service must renew its AWS credentials, or correct the clock of its \
         machine. An operation then resumes automatically. Send any other request again.",
    ),
    row(
        "deadline_exceeded",
        504,
        "Timed out",
        true,
        "`detail` names what the operation waited for. The operation checks again automatically \
         every minute; `retry` checks at once.",
    ),
    row(
        "step_crashed",
        500,
        "A step crashed repeatedly",
        false,
        "The service stopped this step to protect other operations. Its operator should read the \
         log; `retry` tries again.",
    ),
    row(
        "undo_unfinished",
        502,
        "Clean-up is incomplete",
        true,
        "The receipt lists each remaining resource, and `aws` contains the reason. The clean-up \
         continues automatically once the cause is fixed.",
    ),
    row(
        "secrets_key_required",
        409,
        "The service has no key for secrets",
        false,
        "The secret of a webhook is stored encrypted. The operator starts the service with \
         `--secrets-key-file`, a file with 32 random bytes in base64.",
    ),
    row(
        "webhook_disabled",
        409,
        "The webhook is disabled",
        false,
        "`disabled_reason` of the webhook contains the cause. Correct it, then enable the webhook \
         by a PATCH with `\"enabled\": true`.",
    ),
];
