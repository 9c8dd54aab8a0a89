"""One turn on its way: what was asked, what has come of the answer, what was shown of it."""

from collections.abc import Sequence

import msgspec

from agent.errors import HermesError
from agent.messages import Message, Options, Part, TextPart, ThinkPart, Tool, ToolCall, text_of
from agent.route import Route


class Shown:
    """
    What a user has seen of one kind of text, so that nothing is shown twice.

    After `again`, a new answer is compared with what was seen: what repeats it is held
    back. Where it says something else, all of it is new, on a line of its own.
    """

    __slots__ = ("_held", "pending")

    def __init__(self) -> None:
        self.pending = ""
        self._held = ""

    def again(self, seen: str) -> None:
        """Begin to compare: the answer starts from its beginning, after `seen` was shown of it."""
        self.pending = self._held + self.pending if self.pending else seen
        self._held = ""

    def fresh(self, piece: str) -> str:
        """Return what of a piece has not been seen."""
        if not self.pending:
            return piece
        if self.pending.startswith(piece):
            self.pending = self.pending[len(piece) :]
            self._held += piece
            return ""
        repeats = piece.startswith(self.pending)
        new = piece[len(self.pending) :] if repeats else f"\n{self._held}{piece}"
        self.pending = ""
        return new


class Left(msgspec.Struct, frozen=True):
    """A Route that could not go on with a turn; `error` is what it failed with, if it was asked."""

    route: Route
    error: HermesError | None = None


class Turn:
    """
    What was asked, and how the asking has changed since: mutable, and used for one turn.

    `asked` is what the turn began with: messages and options. `left` are the Routes that
    could not go on with it, in order. `came` is what earlier, cut requests brought of an
    answer that is being continued.
    `budget_tokens` replaces the options' budget once reasoning has used it up.
    `reasoning_filler` stands for missing reasoning once an endpoint has refused without it.
    """

    def __init__(
        self, messages: Sequence[Message], tools: Sequence[Tool], options: Options
    ) -> None:
        self.messages = tuple(messages)
        self.tools = tuple(tools)
        self.options = options
        self.asked = (self.messages, options)
        self.left: list[Left] = []
        self.came: Message | None = None
        self.reasoning_filler = ""
        self.tried: set[str] = set()
        self.tries = 0
        self.waited = 0.0
        self.text = Shown()
        self.thought = Shown()

    def once(self, measure: str) -> bool:
        """Say whether a measure may be taken; each is taken once a turn."""
        if measure in self.tried:
            return False
        self.tried.add(measure)
        return True

    def progressed(self) -> None:
        """Forget the failures so far: something came."""
        self.tries = 0
        self.waited = 0.0

    def with_budget(self, tokens: int) -> None:
        """Ask for another budget from now on."""
        self.options = msgspec.structs.replace(self.options, budget_tokens=tokens)

    def elsewhere(self, came: Message, messages: tuple[Message, ...], options: Options) -> None:
        """
        Ask another Route for the whole answer, as if nothing had been tried.

        `came` is what was shown of an answer; `messages` and `options` are as the Route takes
        them.
        """
        self.messages, self.options = messages, options
        self.reasoning_filler = ""
        self.tried.clear()
        self.progressed()
        self.came = None
        if came.parts:
            self.start_anew(came)

    @property
    def repeats(self) -> bool:
        """Say whether something of the answer is still compared with what was shown before."""
        return bool(self.text.pending or self.thought.pending)

    def start_anew(self, came: Message) -> None:
        """Ask for the whole answer again; what was shown, all of `came`, is not shown twice."""
        self.came = None
        self.text.again(text_of(came))
        thoughts = (part.text for part in came.parts if isinstance(part, ThinkPart))
        self.thought.again("".join(thoughts))


def joined(came: Message | None, more: Message) -> Message:
    """Return an answer whose pieces came over several requests as one message."""
    if came is None:
        return more
    parts: list[Part] = list(came.parts)
    for part in more.parts:
        last = parts[-1] if parts else None
        match last, part:
            case (TextPart(), TextPart()) if last is not None:
                parts[-1] = TextPart(last.text + part.text)
            case (ThinkPart(), ThinkPart()) if last is not None:
                parts[-1] = ThinkPart(last.text + part.text, last.signature or part.signature)
            case _:
                parts.append(part)
    return Message("assistant", tuple(parts))


def can_be_continued(message: Message, options: Options) -> bool:
    """
    Say whether a cut answer can go on where it stopped, by the message and the options.

    It needs text, no tool call, and no `response_format`: partial mode does not go with
    `json_object` (contract section 3.6).
    """
    has_calls = any(isinstance(part, ToolCall) for part in message.parts)
    ends_in_text = bool(message.parts) and isinstance(message.parts[-1], TextPart)
    return (
        ends_in_text
        and not has_calls
        and not options.response_format
        and bool(text_of(message).strip())
    )
