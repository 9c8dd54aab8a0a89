"""The error bodies of the contract (sections 1.3, 2.3, 2.5, 3, 6 and 7), each with its row."""

from agent import errors

GATE = (
    "Kimi For Coding is currently only available for Coding Agents such as Kimi CLI, Claude Code, "
    "Roo Code, Kilo Code, etc."
)
PLAN_401 = (
    "The API Key appears to be invalid or may have expired. "
    "Please verify your credentials and try again."
)
RATE = errors.RateLimited
MEMBERSHIP = (
    "We're unable to verify your membership benefits at this time. "
    "Please ensure your membership is active."
)
CYCLE = (
    "You've reached your usage limit for this billing cycle. "
    "Your quota will be refreshed in the next cycle."
)
FIVE_HOURS = (
    "You've reached your 5-hour usage limit. "
    "Your quota will reset when the current 5-hour window ends."
)
WEEK = (
    "You've reached your weekly (7-day) usage limit. "
    "Your quota will reset when the current 7-day window ends."
)
PERIOD = (
    "You've reached your usage limit for this period. "
    "Your quota will be refreshed in the next period."
)
MONTH = "You've reached kimi monthly usage limit for this billing cycle. Upgrade your plan."
CONCURRENT = (
    "You've reached your concurrent request limit. "
    "Please wait for your ongoing requests to finish and try again."
)
MOMENT = "We're receiving too many requests at the moment. Please wait a moment and try again."
OVERLOADED = "The engine is currently overloaded, please try again later"
ENDED = "access_terminated_error"
INVALID = "invalid_request_error"
KEY_TYPE = "invalid_authentication_error"
REACHED = "rate_limit_reached_error"
ACCOUNT = "Your account org-1<ak-2> "
AGAIN = ", please try again after 1 seconds"
BODIES: list[tuple[int, str, str, str, type[errors.ProviderError]]] = [
    # The key: contract section 1.3.
    (401, "Invalid Authentication", KEY_TYPE, "bad-key", errors.KeyRefused),
    (401, PLAN_401, KEY_TYPE, "bad-key", errors.KeyRefused),
    (401, PLAN_401, "authentication_error", "bad-key", errors.KeyRefused),
    (401, "Incorrect API key provided", "incorrect_api_key_error", "bad-key", errors.KeyRefused),
    # The plan and the model: sections 2.3 and 2.5.
    (
        401,
        "Your current subscription does not have access to k3",
        "authentication_error",
        "entitlement-model",
        errors.EntitlementRefused,
    ),
    (
        401,
        "Your current plan supports only kimi-k3 up to 256K context",
        "authentication_error",
        "entitlement-window",
        errors.EntitlementRefused,
    ),
    (
        401,
        "Your model id does not exist, recognized as other:x. Please set model id as `k3`.",
        "authentication_error",
        "unknown-model-plan",
        errors.ModelNotFound,
    ),
    (
        404,
        "Not found the model x or Permission denied",
        "resource_not_found_error",
        "unknown-model",
        errors.ModelNotFound,
    ),
    (
        404,
        "The requested resource was not found",
        "resource_not_found_error",
        "wrong-path",
        errors.WrongPath,
    ),
    (404, "method not found", "resource_not_found_error", "wrong-path", errors.WrongPath),
    # Kimi Code: sections 6 and 7.2.
    (403, GATE, ENDED, "identity-gate", errors.IdentityRefused),
    (402, MEMBERSHIP, "", "membership", errors.MembershipMissing),
    (403, CYCLE, ENDED, "quota-cycle", errors.QuotaExhausted),
    (403, f"{FIVE_HOURS} To continue now, purchase", ENDED, "quota-5-hours", errors.QuotaExhausted),
    (403, WEEK, ENDED, "quota-week", errors.QuotaExhausted),
    (403, CONCURRENT, ENDED, "concurrency-plan", errors.ConcurrencyReached),
    (403, "Access terminated.", ENDED, "ban", errors.Banned),
    (429, PERIOD, "rate_limit_error", "quota-period", errors.QuotaExhausted),
    (429, MONTH, "rate_limit_error", "quota-month", errors.QuotaExhausted),
    (429, MOMENT, "rate_limit_error", "rate", errors.RateLimited),
    (429, OVERLOADED, "engine_overloaded_error", "overloaded", errors.Overloaded),
    (429, OVERLOADED, "rate_limit_error", "overloaded", errors.Overloaded),
    (499, "context canceled", "", "canceled-there", errors.ServerFailed),
    (500, "read tcp: i/o timeout after 30 seconds", "", "server-error", errors.ServerFailed),
    # The open platform: section 7.1.
    (429, f"Organization Rate limit exceeded{AGAIN}", REACHED, "rate", errors.RateLimited),
    (
        429,
        f"{ACCOUNT}request reached max organization concurrency: 1{AGAIN}",
        REACHED,
        "concurrency-account",
        errors.ConcurrencyReached,
    ),
    (429, f"{ACCOUNT}request reached organization max RPM: 3{AGAIN}", REACHED, "rate", RATE),
    (
        429,
        f"{ACCOUNT}request reached project TPM rate limit, current: 9, limit: 8{AGAIN}",
        REACHED,
        "rate",
        RATE,
    ),
    (429, "request reached user+model max RPM: 50", REACHED, "rate", RATE),
    (
        429,
        f"{ACCOUNT}is suspended due to insufficient balance, please recharge your account or "
        "check your plan and billing details",
        "exceeded_current_quota_error",
        "empty-balance",
        errors.EmptyBalance,
    ),
    (
        429,
        "You exceeded your current token quota: <org-1> 7, please check your account balance",
        "exceeded_current_quota_error",
        "empty-balance",
        errors.EmptyBalance,
    ),
    (429, "", "exceeded_current_quota_error", "empty-balance", errors.EmptyBalance),
    (
        400,
        "The request was rejected because it was considered high risk",
        "content_filter",
        "content-filter",
        errors.ContentFiltered,
    ),
    (400, "Input token length too long", INVALID, "context-overflow", errors.ContextOverflow),
    (500, "internal", "server_error", "server-error", errors.ServerFailed),
    (503, "", "", "server-error", errors.ServerFailed),
    (408, "", "", "timed-out-there", errors.ServerFailed),
    (409, "", "", "conflict", errors.ServerFailed),
    (413, "", "", "body-too-large", errors.RequestTooLarge),
    (302, "", "", "redirect", errors.ProviderError),
    # The request's fields: section 3.
    *(
        (400, message, INVALID, row, errors.RequestRefused)
        for message, row in (
            ("invalid temperature: only 1 is allowed for this model", "sampling"),
            ("invalid top_p: only 0.95 is allowed for this model", "sampling"),
            ("invalid thinking: only type=enabled is allowed for this model", "thinking"),
            (
                "the thinking field in the request (expected type object) is illegal, and bool is "
                "not acceptable",
                "thinking",
            ),
            ("cannot specify both 'thinking' and 'reasoning_effort'", "thinking-and-effort"),
            ("the reasoning_effort field (expected type string) is illegal", "effort"),
            ("tool_choice 'required' is incompatible with thinking enabled", "tool-choice"),
            ("tool_choice 'specified' is incompatible with thinking enabled", "tool-choice"),
            (
                "function name is invalid, must start with a letter and can contain letters, "
                "numbers, underscores, and dashes",
                "tool-name",
            ),
            ("function name read_file is duplicated", "tool-duplicate"),
            ("tool_call_id  is not found", "tool-call-id"),
            (
                "Invalid request: the message at position 3 with role 'assistant' must not be "
                "empty",
                "empty-message",
            ),
            ("Invalid request: text content is empty", "empty-message"),
            ("Invalid request: unsupported image url: https://a.invalid/b.png", "image-url"),
            ("Invalid purpose: only 'file-extract' accepted", "file"),
            ("File size is too large, max file size is 100MB", "file"),
        )
    ),
    (
        400,
        "thinking is enabled but reasoning_content is missing in assistant tool call message at "
        "index 2",
        INVALID,
        "reasoning-missing",
        errors.ReasoningMissing,
    ),
    (
        400,
        "total message size 3000000 exceeds limit 2097152",
        INVALID,
        "size-limit",
        errors.RequestTooLarge,
    ),
    (
        400,
        'tools.function.parameters.type is required and must be "object"',
        INVALID,
        "tool-schema",
        errors.SchemaRefused,
    ),
    (
        400,
        "Invalid request: the `response_format.json_schema.schema` field in the request is illegal",
        INVALID,
        "answer-schema",
        errors.SchemaRefused,
    ),
]
"""Status, message, type, the id of the row, and the class."""
