"""What happens while an agent works, beside what happens to its requests."""

import msgspec

from agent.events import Event, Finished
from agent.messages import Message, ToolCall
from agent.permission import Mode
from agent.tools.base import Action, Outcome


class StepBegan(msgspec.Struct, frozen=True):
    """A request of the turn is about to be sent; `step` counts them, from 1."""

    step: int


class MessageAdded(msgspec.Struct, frozen=True):
    """A message that was typed while the agent worked is in the conversation now."""

    message: Message


class ApprovalWanted(msgspec.Struct, frozen=True, kw_only=True):
    """
    A call waits for a person: `Loop.decide` answers before the next event is taken.

    Unanswered, it is refused. `rule` is what may be allowed for good, or empty; `allowed_in` the
    narrowest mode that allows it without asking, None where every mode asks.
    """

    call: ToolCall
    action: Action
    reason: str
    rule: str
    allowed_in: Mode | None = None


class ToolBegan(msgspec.Struct, frozen=True, kw_only=True):
    """A call is being done; `action` is None where its arguments could not be read."""

    call: ToolCall
    action: Action | None


class ToolEnded(msgspec.Struct, frozen=True, kw_only=True):
    """A call is done, refused or failed; `seconds` is how long it took."""

    call: ToolCall
    outcome: Outcome
    seconds: float


class Compacted(msgspec.Struct, frozen=True, kw_only=True):
    """
    The conversation was made shorter; estimates in tokens, and how, as a sentence.

    `answer` is the model's, which has the summary, if it was asked for one.
    """

    before_tokens: int
    after_tokens: int
    how: str
    answer: Finished | None = None


class TurnEnded(msgspec.Struct, frozen=True, kw_only=True):
    """
    The model has nothing more to do, or a limit stopped it.

    `stopped` is empty at a natural end, else a sentence, and `remedy` the way on.
    """

    steps: int
    stopped: str = ""
    remedy: str = ""


LoopEvent = (
    Event
    | StepBegan
    | MessageAdded
    | ApprovalWanted
    | ToolBegan
    | ToolEnded
    | Compacted
    | TurnEnded
)
