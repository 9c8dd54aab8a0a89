"""Every body the four surfaces refuse with, in the words that were captured."""

from kimi_mock.surfaces import Body, Surface, Wire

INVALID_AUTHENTICATION = "Invalid Authentication"
# The plan hosts' own text, on both wires; KD error reference, opencode#14892.
KEY_INVALID = (
    "The API Key appears to be invalid or may have expired."
    " Please verify your credentials and try again."
)
# Word for word as in cline#10307, continue#10847 and kimi-code#414.
GATE_SHUT = (
    "Kimi For Coding is currently only available for Coding Agents"
    " such as Kimi CLI, Claude Code, Roo Code, Kilo Code, etc."
)
OVERLOADED = "The engine is currently overloaded, please try again later"
HIGH_RISK = "The request was rejected because it was considered high risk"
MEMBERSHIP_UNVERIFIED = (
    "We're unable to verify your membership benefits at this time."
    " Please ensure your membership is active."
)
CONCURRENT = (
    "You've reached your concurrent request limit."
    " Please wait for your ongoing requests to finish and try again."
)
TOO_MANY = "We're receiving too many requests at the moment. Please wait a moment and try again."
ACCOUNT = "org-mock<ak-mock>"
_PAY = "To continue now, purchase extra usage or upgrade your plan:"
_SUBSCRIBE = f"{_PAY} https://www.kimi.com/membership/subscription?tab=quota"
# Switch `quota` → status and text. The weekly text was captured without its end; the end of its
# 5-hour twin stands in. The monthly one was captured without any.
QUOTAS: dict[str, tuple[int, str]] = {
    "5-hour": (
        403,
        "You've reached your 5-hour usage limit. Your quota will reset when the current 5-hour"
        f" window ends. {_SUBSCRIBE}",
    ),
    "weekly": (
        403,
        "You've reached your weekly (7-day) usage limit. Your quota will reset when the current"
        f" 7-day window ends. {_SUBSCRIBE}",
    ),
    "cycle": (
        403,
        "You've reached your usage limit for this billing cycle."
        " Your quota will be refreshed in the next cycle.",
    ),
    # The newer text of the same refusal; cc-haha#1208, 2026-08-08.
    "cycle-upsell": (
        403,
        "You've reached your usage limit for this billing cycle. Your quota will be refreshed in"
        f" the next cycle. {_PAY} https://www.kimi.com/code/#pricing",
    ),
    "period": (
        429,
        "You've reached your usage limit for this period."
        " Your quota will be refreshed in the next period.",
    ),
    "monthly": (429, "You've reached kimi monthly usage limit for this billing cycle."),
}
# Switch `rate_limit` → text, up to the seconds.
RATE_LIMITS: dict[str, str] = {
    "organization": "Organization Rate limit exceeded",
    "concurrency": f"Your account {ACCOUNT} request reached max organization concurrency: 1",
    "rpm": f"Your account {ACCOUNT} request reached organization max RPM: 3",
    "tpm": (
        f"Your account {ACCOUNT} request reached project TPM rate limit,"
        " current: 500123, limit: 500000"
    ),
    "user-model": "request reached user+model max RPM: 50",
}
# Switch `balance_refusal` → status, type and text. The wire was seen to say 429, help pages 403
# (contract 11); the type of the 403 was not collected.
EMPTY_BALANCES: dict[str, tuple[int, str, str]] = {
    "suspended": (
        429,
        "exceeded_current_quota_error",
        f"Your account {ACCOUNT} is suspended due to insufficient balance, please recharge your"
        " account or check your plan and billing details",
    ),
    "token-quota": (
        429,
        "exceeded_current_quota_error",
        "You exceeded your current token quota: org-mock 0, please check your account balance",
    ),
    "forbidden": (
        403,
        "permission_denied_error",
        f"Your account {ACCOUNT} has insufficient balance, please recharge your account",
    ),
}
# Chat type → the type the same refusal has on the messages wire. A quota's and the concurrency
# limit's `permission_error`: cc-haha#1208, sub2api#6955; overload: KD, pawwork#740.
MESSAGES_TYPE = {
    "invalid_authentication_error": "authentication_error",
    "incorrect_api_key_error": "authentication_error",
    "access_terminated_error": "permission_error",
    "engine_overloaded_error": "rate_limit_error",
    "rate_limit_reached_error": "rate_limit_error",
    "content_filter": "invalid_request_error",
    "server_error": "api_error",
}


class Refused(Exception):
    """
    A request is not answered; `kind` is the type the chat wire gives it, empty for none.

    `retry_after` is the header of that name, left out when empty.
    """

    def __init__(self, status: int, kind: str, message: str, *, retry_after: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.retry_after = retry_after

    def body(self, wire: Wire) -> Body:
        """Return the error object in the field order that was captured on this wire."""
        return error_body(wire, self.kind, self.message)


def error_body(wire: Wire, kind: str, message: str) -> Body:
    """Return an error object; `kind` is the chat wire's type, and one without stays without."""
    if wire == "messages":
        typed = MESSAGES_TYPE.get(kind, kind) or "api_error"
        return {"error": {"type": typed, "message": message}, "type": "error"}
    return {"error": {"message": message, "type": kind} if kind else {"message": message}}


def invalid(message: str) -> Refused:
    """Return a 400 in exactly these words."""
    return Refused(400, "invalid_request_error", message)


def invalid_request(details: str) -> Refused:
    """Return the 400 with the endpoint's usual beginning."""
    return invalid(f"Invalid request: {details}")


def key_refused(surface: Surface, *, sent: bool, incorrect: bool) -> Refused:
    """
    Return the 401 for a key this surface does not know; `sent` says whether one came.

    `incorrect` gives the platforms' documented second shape. Source: contract 1.3. The
    platforms' messages wire was never captured with a wrong key; the plan's shape with the
    platforms' sentence stands in for it.
    """
    if incorrect and not surface.plan:
        return Refused(401, "incorrect_api_key_error", "Incorrect API key provided")
    message = KEY_INVALID if surface.plan and sent else INVALID_AUTHENTICATION
    return Refused(401, "invalid_authentication_error", message)


def access_terminated(message: str) -> Refused:
    """Return the plan's 403 of many meanings: gate, quota, concurrency, ban."""
    return Refused(403, "access_terminated_error", message)


def model_refused(surface: Surface, model: str) -> Refused:
    """
    Return what this surface answers to a model id it does not have.

    Source: contract 2.3 and 2.5. On the plan's chat wire the type was not captured; the one
    seen on its messages wire is sent.
    """
    if surface.plan:
        message = (
            f"Your model id does not exist, recognized as other:{model}."
            " Please set model id as `k3`."
        )
        return Refused(401, "authentication_error", message)
    return model_not_found(model)


def model_not_found(model: str) -> Refused:
    """Return the 404 for a model that is unknown, or not open to the key."""
    message = f"Not found the model {model} or Permission denied"
    return Refused(404, "resource_not_found_error", message)


def not_subscribed(model: str) -> Refused:
    """Return the 401 of a plan whose tier lacks the model; contract 2.5."""
    message = f"Your current subscription does not have access to {model}"
    return Refused(401, "authentication_error", message)


def window_of_tier() -> Refused:
    """Return the 401 of a tier that has the model with the small window only; contract 2.5."""
    message = "Your current plan supports only kimi-k3 up to 256K context"
    return Refused(401, "authentication_error", message)


def window_exceeded(limit_tokens: int, requested_tokens: int) -> Refused:
    """Return the 400 for prompt plus budget above the window, as in kimi-cli#2011."""
    return invalid_request(
        f"Your request exceeded model token limit: {limit_tokens} (requested: {requested_tokens})"
    )


def overloaded() -> Refused:
    """Return the 429 that says nothing about the account; 115 bytes on the chat wire."""
    return Refused(429, "engine_overloaded_error", OVERLOADED)


def path_unknown() -> Refused:
    """Return the 404 for a path without an endpoint, such as a doubled `/v1` (opencode#37496)."""
    return Refused(404, "resource_not_found_error", "The requested resource was not found")
