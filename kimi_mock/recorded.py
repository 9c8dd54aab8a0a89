"""An answer that is known as a whole, so that a resumed stream can be compared with it."""

from dataclasses import dataclass

from kimi_mock.replies import PIECE_CHARS, Delta, Reply, pieces_of


@dataclass(frozen=True)
class Recorded:
    """
    Reasoning and text of one answer, sent in pieces of `piece_chars` characters.

    As `KimiMock.script` it answers every turn: a turn whose last message is a beginning of it
    with `partial`, with the rest. Two calls that together carry all of it have lost nothing
    and repeated nothing.
    """

    reasoning: str
    text: str
    piece_chars: int = PIECE_CHARS

    def whole(self) -> Reply:
        """Return all of it."""
        return Reply.streaming(*self._pieces(self.reasoning, self.text))

    def rest_after(self, reasoning: str, text: str) -> Reply | None:
        """
        Return what is left after a beginning, or None if it is no beginning.

        A beginning of the text needs no reasoning beside it; reasoning goes on only where no
        text has come yet.
        """
        if not (self.reasoning.startswith(reasoning) and self.text.startswith(text)):
            return None
        left = "" if text else self.reasoning[len(reasoning) :]
        return Reply.streaming(*self._pieces(left, self.text[len(text) :]))

    def _pieces(self, reasoning: str, text: str) -> list[Delta]:
        return [
            *pieces_of("reasoning_content", reasoning, self.piece_chars),
            *pieces_of("content", text, self.piece_chars),
        ]
