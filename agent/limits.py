"""How far an agent goes on its own: steps, tokens, money and time, each with a way on."""

from decimal import Decimal
from typing import Literal

import msgspec

from agent.costs import Cost, Totals
from agent.messages import Usage


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """
    The most that one turn, or a session, may use; None is no limit.

    `steps` are requests, `tokens` prompt and completion together, as the endpoint counted them,
    `money` is in the currency of the model's row, where its prices are known. `seconds` are
    those in which it works, waiting for a person's answer included. All are looked at before
    each request: a step that has begun ends by itself.
    """

    steps: int | None = None
    tokens: int | None = None
    money: Decimal | None = None
    seconds: float | None = None


TURN = Limits(steps=100)
"""What a turn may use unless the user says otherwise."""


class Reached(msgspec.Struct, frozen=True):
    """A limit that stops a turn, as a sentence, and the way on as another."""

    what: str
    remedy: str


_NOTHING = Cost("money", Decimal(0))
_GO_ON = "Say `go on` to continue where it stopped"


class Spent(msgspec.Struct):
    """What has been used since `began`, in seconds of the loop's clock."""

    began: float
    steps: int = 0
    totals: Totals = msgspec.field(default_factory=Totals)

    def add(self, usage: Usage | None, cost: Cost | None) -> None:
        """Count an answer."""
        self.totals = self.totals.plus(usage, cost)

    def over(
        self, limits: Limits, *, now: float, what: Literal["turn", "session"]
    ) -> Reached | None:
        """Return the first limit of a turn or a session that is reached, or None."""
        usage = self.totals.usage
        tokens = usage.prompt_tokens + usage.completion_tokens
        dearest = max(self.totals.costs, key=lambda cost: cost.amount, default=_NOTHING)
        seconds = now - self.began
        for name, most, used, unit in (
            ("steps", limits.steps, self.steps, "steps"),
            ("tokens", limits.tokens, tokens, "tokens"),
            ("money", limits.money, dearest.amount, dearest.currency),
            ("seconds", limits.seconds, seconds, "seconds"),
        ):
            if most is not None and used >= most:
                return _reached(name, most, unit, what)
        return None


def _reached(name: str, most: Decimal | float, unit: str, what: str) -> Reached:
    amount = f"{most}" if isinstance(most, Decimal) else f"{most:,}"
    setting = f"limits.{what}_{name}"
    higher = f"`hermes config set {setting} NUMBER` allows more"
    first = f"{_GO_ON}; " if what == "turn" else "In a new session it starts again; "
    return Reached(f"The limit of {amount} {unit} for this {what} is reached.", f"{first}{higher}.")
