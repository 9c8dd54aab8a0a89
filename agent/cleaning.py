"""A conversation made fit for another endpoint or model than the one that answered; no I/O."""

from collections.abc import Sequence
from itertools import accumulate

import msgspec

from agent.messages import (
    ImagePart,
    Message,
    Part,
    TextPart,
    ThinkPart,
    ToolCall,
    ToolResult,
    VideoPart,
)
from agent.route import Route
from agent.session_rows import MadeBy


def maker(route: Route) -> MadeBy:
    """Return who answers over a Route."""
    return MadeBy(route.provider.value.id, route.endpoint.id, route.model_id_sent)


def cleaned(
    messages: Sequence[Message], makers: Sequence[MadeBy | None], route: Route
) -> tuple[Message, ...]:
    """
    Return the messages as they can be sent over a Route, one for one.

    `makers` tells, for each message, who made it; None for those that no model made, and
    where nobody knows. A message that can go as it is stays the same object.

    - Reasoning goes back, byte for byte and with its signature, to the endpoint and model that
      made it; to another model of the same provider only where the endpoint has the quirk
      `replay-reasoning`, since it then asks for it and checks no signature. Nobody else gets
      it: a foreign signature is refused, and made-up or foreign reasoning harms the model.
    - What one provider wants back with a call (its `extras`) goes to no other, and its ids,
      which another may not take (`read:0`), become ours.
    - Where images or videos are not taken, a note stands for each.

    Source: the contract's section 3.6; platform.kimi.ai/docs (preserved thinking), 2026-09.
    """
    return _Cleaner(route).all_of(messages, makers)


class Makers:
    """
    Who made which message of a conversation that moves from Route to Route while it goes on.

    Messages are known by identity; one that was never noted is taken for the work of whoever
    is asked.
    """

    def __init__(self) -> None:
        # The message is kept with its maker, so that its number cannot become another's.
        self._made: dict[int, tuple[Message, MadeBy]] = {}

    def note(self, messages: Sequence[Message], route: Route) -> None:
        """Note that a Route is left, over which all answers came that were not noted before."""
        for message in messages:
            if message.role == "assistant":
                self._made.setdefault(id(message), (message, maker(route)))

    def cleaned(self, messages: Sequence[Message], route: Route) -> tuple[Message, ...]:
        """
        Return the messages as `cleaned` does, but with images and videos as they are.

        Whether a Route takes those is asked before a conversation moves to it, not mended.
        """
        if not self._made:
            return tuple(messages)
        here = maker(route)
        makers = [
            self._made.get(id(message), (message, here))[1] if message.role == "assistant" else None
            for message in messages
        ]
        return _Cleaner(route, keeps_media=True).all_of(messages, makers)


class _Cleaner:
    """Cleans one message after the other; remembers the calls that wait for their results."""

    def __init__(self, route: Route, *, keeps_media: bool = False) -> None:
        self._here = maker(route)
        self._replays = "replay-reasoning" in route.endpoint.quirks
        row, on_chat = route.row_sent, route.wire.value == "chat"
        self._images = keeps_media or row is None or row.image is not False
        self._videos = keeps_media or (row is not None and row.video is True and on_chat)
        self._renamed: list[tuple[str, str]] = []

    def all_of(
        self, messages: Sequence[Message], makers: Sequence[MadeBy | None]
    ) -> tuple[Message, ...]:
        """Return all messages of a conversation as they can be sent."""
        # Counted without the system prompt, which is not stored: a conversation that is loaded
        # again gets the same ids, and its requests begin as they did.
        places = accumulate(message.role != "system" for message in messages)
        triples = zip(places, messages, makers, strict=True)
        return tuple(self.cleaned(place - 1, message, by) for place, message, by in triples)

    def cleaned(self, place: int, message: Message, made_by: MadeBy | None) -> Message:
        """Return a message as it can be sent; itself if nothing has to change."""
        if message.role != "tool":
            self._renamed = []
        parts: list[Part] = []
        for number, part in enumerate(message.parts):
            match part:
                case ThinkPart() if not self._may_replay(made_by):
                    continue
                case ToolCall() if self._is_foreign(made_by):
                    parts.append(self._called(part, f"earlier_{place}_{number}"))
                case ToolResult():
                    parts.append(self._result(part))
                case _:
                    parts.append(self._seen(part))
        same = len(parts) == len(message.parts) and all(
            new is old for new, old in zip(parts, message.parts, strict=True)
        )
        return message if same else Message(message.role, tuple(parts))

    def _may_replay(self, made_by: MadeBy | None) -> bool:
        if made_by is None:
            return self._replays
        same_provider = made_by.provider == self._here.provider
        return made_by == self._here or (self._replays and same_provider)

    def _is_foreign(self, made_by: MadeBy | None) -> bool:
        return made_by is not None and made_by.provider != self._here.provider

    def _called(self, call: ToolCall, new_id: str) -> ToolCall:
        self._renamed.append((call.id, new_id))
        return ToolCall(new_id, call.name, call.arguments)

    def _result(self, result: ToolResult) -> ToolResult:
        """Return a result under its call's new id; ids may repeat, and are paired in order."""
        seen = tuple(map(self._shown, result.parts))
        if any(new is not old for new, old in zip(seen, result.parts, strict=True)):
            result = msgspec.structs.replace(result, parts=seen)
        for index, (old_id, new_id) in enumerate(self._renamed):
            if old_id == result.call_id:
                del self._renamed[index]
                return msgspec.structs.replace(result, call_id=new_id)
        return result

    def _seen(self, part: Part) -> Part:
        if isinstance(part, ImagePart | VideoPart):
            return self._shown(part)
        return part

    def _shown(self, part: TextPart | ImagePart | VideoPart) -> TextPart | ImagePart | VideoPart:
        if isinstance(part, ImagePart) and not self._images:
            return TextPart(f"(an image was here; {self._here.model} cannot see images)")
        if isinstance(part, VideoPart) and not self._videos:
            return TextPart(f"(a video was here; {self._here.model} cannot take it)")
        return part
