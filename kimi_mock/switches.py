"""
The switches: everything about the mock that can be played another way, each with its meaning.

A switch is an attribute of `KimiMock`; `reset()` restores the default. The same names serve
`hermes mock --set NAME=VALUE` and the control endpoint. Where public sources contradict each
other, both behaviours are values of one switch.
"""

from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec

from kimi_mock.recorded import Recorded
from kimi_mock.replies import Newline, UsagePlace
from kimi_mock.surfaces import SURFACES, ModelRow

Tier = Literal["free", "moderato", "allegretto"]
Quota = Literal["left", "5-hour", "weekly", "cycle", "cycle-upsell", "period", "monthly"]


@dataclass(kw_only=True, eq=False)
class Switches:
    """The switches at their defaults, on which a correct client gets its answers."""

    # Who is let in.
    gate_allows: Annotated[
        set[str], "product names, before `/` in User-Agent, the plan's chat path takes"
    ] = field(default_factory=lambda: {"kimi-code-cli"})
    gate_outage: Annotated[bool, "the plan's chat path refuses every name"] = False
    gate_before_key: Annotated[bool, "the name is judged before the key"] = False
    key_refusal: Annotated[
        Literal["usual", "incorrect"], "the platforms' 401: as captured, or as documented"
    ] = "usual"
    banned: Annotated[bool, "the plan answers 403 `Access terminated.`"] = False
    membership: Annotated[Literal["active", "unverified"], "unverified: 402 on the plan"] = "active"

    # Which models there are.
    models: Annotated[dict[str, list[ModelRow]], "rows of `GET /models` by surface id"] = field(
        default_factory=lambda: {
            surface.id: [model.row() for model in surface.models] for surface in SURFACES
        }
    )
    accept_any_model: Annotated[bool, "a turn may name any model"] = False
    tier: Annotated[Tier, "the plan's membership: which ids and windows it has"] = "allegretto"
    entitlement_refusal: Annotated[
        Literal["subscription", "not-found"],
        "for an id the tier lacks: the 401, or the platforms' 404",
    ] = "subscription"
    window_limits: Annotated[
        dict[str, int], "model id to tokens enforced, whatever `GET /models` says"
    ] = field(default_factory=dict)

    # What is used up.
    quota: Annotated[Quota, "the plan's quota that is used up"] = "left"
    five_hour_used: Annotated[int, "percent of the 5-hour window shown by `/usages`"] = 12
    weekly_used: Annotated[int, "percent of the 7-day window shown by `/usages`"] = 34
    five_hour_resets: Annotated[str, "time of the 5-hour reset; empty: in two hours"] = ""
    weekly_resets: Annotated[str, "time of the 7-day reset; empty: in three days"] = ""
    usages_shape: Annotated[
        Literal["classic", "ratios", "both"],
        "the shape of `/usages`: before September 2026, since, or both",
    ] = "classic"
    usages_without: Annotated[
        Literal["nothing", "used", "remaining"],
        "a number that `/usages` leaves out of its classic windows",
    ] = "nothing"
    booster_cents: Annotated[int | None, "the extra-usage wallet in `/usages`; null: absent"] = None
    balance: Annotated[float, "available balance of the platforms; 0 or less refuses"] = 49.58894
    balance_refusal: Annotated[
        Literal["suspended", "token-quota", "forbidden"],
        "which of the known answers an empty balance gets",
    ] = "suspended"

    # How busy it is.
    concurrency_limit: Annotated[int | None, "turns answered at the same time; null: any"] = None
    overloaded_calls: Annotated[int, "so many turns get 429 engine_overloaded_error"] = 0
    failing_calls: Annotated[int, "so many turns get 500 server_error"] = 0
    rate_limited_calls: Annotated[int, "so many turns get the 429 of `rate_limit`"] = 0
    rate_limit: Annotated[
        Literal["organization", "concurrency", "rpm", "tpm", "user-model"],
        "which of the platforms' rate limits is hit",
    ] = "organization"
    rate_limit_seconds: Annotated[int, "the N of `please try again after N seconds`"] = 1
    retry_after: Annotated[str, "the Retry-After of every 429 of a switch; empty: none"] = ""

    # What a request must be.
    high_risk_text: Annotated[str, "a body with this text is refused as high risk; empty: none"] = (
        ""
    )
    replay: Annotated[
        Literal["strict", "lenient", "empty-is-missing"],
        "whether reasoning_content must stand beside tool calls, and be more than empty",
    ] = "lenient"
    thinking_on_k3: Annotated[
        Literal["accepted", "refused"], "the `thinking` field on the platforms' K3 family"
    ] = "accepted"
    unknown_effort: Annotated[
        Literal["ignored", "refused"], "an effort the platforms do not know"
    ] = "ignored"
    named_tool_choice: Annotated[
        Literal["refused", "coerced"], "a tool_choice that names a function, on the K3 family"
    ] = "refused"
    schemas: Annotated[
        Literal["ultra", "loose", "unchecked"],
        "tool schemas: no keyword beyond the dialect, keywords let through, or all",
    ] = "ultra"
    untyped_schemas: Annotated[Literal["accepted", "refused"], "a subschema without `type`"] = (
        "accepted"
    )
    short_tool_names: Annotated[
        Literal["accepted", "refused"],
        "tool names of one or two characters, which the documents exclude",
    ] = "accepted"

    # How an answer comes; a value beats what the reply itself says.
    script: Annotated[Recorded | None, "the answer of every turn, resumed in partial mode"] = None
    count_tokens: Annotated[bool, "usage from bytes // 4, with the cached prefix"] = False
    usage_details: Annotated[bool, "`prompt_tokens_details` in usage as well"] = False
    usage_place: Annotated[UsagePlace | None, "where a stream carries usage"] = None
    space: Annotated[bool | None, "a blank after `data:`"] = None
    newline: Annotated[Newline | None, "the end of a line: LF, CRLF or CR"] = None
    comments: Annotated[bool | None, "a comment line before every event"] = None
    done: Annotated[bool | None, "whether `[DONE]` or `message_stop` comes"] = None
    second_finish: Annotated[bool | None, "a second chunk with a finish_reason, `stop`"] = None
    error_after: Annotated[int | None, "an error object after so many pieces of the answer"] = None
    stall_seconds: Annotated[float | None, "silence before the event number `stall_at`"] = None
    stall_at: Annotated[int | None, "the event the stall lies before, counted from 0"] = None
    pause_seconds: Annotated[float | None, "time between events"] = None
    cut_points: Annotated[
        list[int | None],
        "bytes after which the next streams are cut, one for each; null: not this one",
    ] = field(default_factory=list)


SWITCH_NAMES = tuple(each.name for each in fields(Switches))
_TYPES = get_type_hints(Switches)
MEANINGS: dict[str, str] = {
    name: kind.__metadata__[0]
    for name, kind in get_type_hints(Switches, include_extras=True).items()
}


def convert(name: str, value: Any) -> Any:
    """
    Return a JSON value as the switch called `name` holds it.

    Raises KeyError for an unknown name, ValueError for a value of another type, with a
    sentence that says which values there are.
    """
    try:
        return msgspec.convert(value, _TYPES[name])
    except msgspec.ValidationError as error:
        raise ValueError(f"{name}: {error}{_choices(name)}.") from error


def parse(name: str, text: str) -> Any:
    """
    Return what stands after `NAME=` on a command line as the switch holds it.

    A text is taken as it is where the switch holds text, else as JSON; `none`, `on` and `off`
    are understood. Raises as `convert` does.
    """
    kind = _TYPES[name]
    words = {"none": "null", "on": "true", "off": "false", "yes": "true", "no": "false"}
    try:
        return msgspec.convert(text, kind)
    except msgspec.ValidationError:
        pass
    try:
        value = msgspec.json.decode(words.get(text.lower(), text).encode())
    except msgspec.DecodeError:
        value = text
    return convert(name, value)


def as_json(switches: Switches) -> dict[str, Any]:
    """Return every switch with its value, sets as sorted lists."""
    return {name: msgspec.to_builtins(_sorted(getattr(switches, name))) for name in SWITCH_NAMES}


def _sorted(value: Any) -> Any:
    return sorted(value) if isinstance(value, set) else value


def _choices(name: str) -> str:
    """Return the values of a switch that has only a few, or nothing."""
    words = [str(each) for each in get_args(_TYPES[name]) if isinstance(each, str)]
    return f"; one of {', '.join(words)}" if words else ""
