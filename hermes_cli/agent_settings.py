"""How an agent works, by the settings: its limits, its sandbox, when it sums up."""

from decimal import Decimal, InvalidOperation

from msgspec.structs import replace

from agent.errors import ConfigurationError, UsageError
from agent.limits import TURN, Limits
from agent.permission import Mode
from agent.permission.rules import WrongRule, parse_rule
from hermes_cli.config import Settings

LIMITS = "limits"
"""The table of `config.toml` with the limits of a turn and of a session."""

_LIMITS = tuple(
    (LIMITS, f"{what}_{name}")
    for what in ("turn", "session")
    for name in ("steps", "tokens", "seconds", "money")
)
AGENT_SETTINGS: tuple[tuple[str, ...], ...] = (
    ("permissions", "mode"),
    ("sandbox",),
    ("fetch_private",),
    ("compact_at",),
    *_LIMITS,
)
"""The settings about how an agent works that are one text."""

RULE_SETTINGS: tuple[tuple[str, ...], ...] = tuple(
    ("permissions", name) for name in ("allow", "ask", "refuse")
)
"""The settings that are lists of rules."""

_CHOICES = {
    "permissions.mode": tuple(mode.value for mode in Mode),
    "sandbox": ("auto", "off"),
    "fetch_private": ("no", "yes"),
}

SHARE_PERCENTS = range(20, 96)


def read_limits(settings: Settings) -> tuple[Limits, Limits]:
    """Return the limits of a turn and of a session. Raises ConfigurationError."""
    return _limits(settings, "turn", TURN), _limits(settings, "session", Limits())


def read_fetch_private(settings: Settings) -> bool:
    """Say whether pages of this machine and its network may be fetched. Raises as the others."""
    found = settings.setting("fetch_private")
    if found is None:
        return False
    if found.value not in _CHOICES["fetch_private"]:
        raise ConfigurationError(
            f"{found.where}: fetch_private is {found.value!r}, and should be yes or no.",
            remedy="`hermes config set fetch_private no` sets the usual one.",
        )
    return found.value == "yes"


def read_share(settings: Settings) -> float:
    """Return the share of the window above which a conversation is made shorter."""
    from agent.window import COMPACT_AT

    found = settings.setting("compact_at")
    if found is None:
        return COMPACT_AT
    percents = _percents(found.value)
    if percents not in SHARE_PERCENTS:
        raise ConfigurationError(
            f"{found.where}: compact_at is {found.value!r}, and should be percents of the "
            f"window, {SHARE_PERCENTS.start} to {SHARE_PERCENTS.stop - 1}.",
            remedy="`hermes config set compact_at 85` sets the usual ones.",
        )
    return percents / 100


def check_agent_setting(name: str, value: str) -> None:
    """Raise UsageError for a value that one of AGENT_SETTINGS cannot have."""
    choices = _CHOICES.get(name)
    if choices is not None:
        fits, wanted = value in choices, f"one of {', '.join(choices)}"
    elif name == "compact_at":
        fits = _percents(value) in SHARE_PERCENTS
        wanted = f"percents, {SHARE_PERCENTS.start} to {SHARE_PERCENTS.stop - 1}"
    else:
        fits, wanted = _amount(value) is not None, "a number above 0"
    if not fits:
        raise UsageError(
            f"{name} is {wanted}. Nothing was written.",
            remedy=f"`hermes config unset {name}` takes the usual one.",
        )


def checked_rule(text: str) -> str:
    """Return a rule as it is written. Raises UsageError for one that cannot be read."""
    try:
        return str(parse_rule(text))
    except WrongRule as error:
        raise UsageError(
            f"The rule {text!r} {error}. Nothing was written.",
            remedy='`hermes config set permissions.allow "shell: git status"` sets one.',
        ) from error


def _limits(settings: Settings, what: str, usual: Limits) -> Limits:
    steps = _number(settings, f"{what}_steps")
    tokens = _number(settings, f"{what}_tokens")
    seconds = _number(settings, f"{what}_seconds")
    return replace(
        usual,
        steps=usual.steps if steps is None else int(steps),
        tokens=usual.tokens if tokens is None else int(tokens),
        seconds=usual.seconds if seconds is None else float(seconds),
        money=_number(settings, f"{what}_money"),
    )


def _number(settings: Settings, name: str) -> Decimal | None:
    found = settings.setting(LIMITS, name)
    if found is None:
        return None
    number = _amount(found.value)
    if number is None:
        raise ConfigurationError(
            f"{found.where}: limits.{name} is {found.value!r}, and should be a number above 0.",
            remedy=f"`hermes config set limits.{name} 100` sets one.",
        )
    return number


def _amount(text: str) -> Decimal | None:
    """Return a number above 0, or None."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and number > 0 else None


def _percents(text: str) -> int:
    digits = text.removesuffix("%").strip()
    return int(digits) if digits.isascii() and digits.isdecimal() else 0
