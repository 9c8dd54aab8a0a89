"""Which answer a turn gets, and in which manner: the queue, the script, the switches."""

from dataclasses import fields, replace
from typing import Any

from kimi_mock.recorded_turns import session_of
from kimi_mock.refusals import invalid_request
from kimi_mock.replies import DEFAULT_REPLY, Answer, Reply
from kimi_mock.state import KimiState
from kimi_mock.switches import SWITCH_NAMES
from kimi_mock.turn import Turn

# The switches that are called like a field of an answer; each beats it unless it is None.
_OVERRIDING = tuple(each.name for each in fields(Answer) if each.name in SWITCH_NAMES)


def next_reply(state: KimiState, turn: Turn) -> Reply:
    """
    Return the queued reply, else a recorded session's, the script's, or the default one.

    The switches have their say in how it comes. Raises Refused for a partial message that is no
    beginning of the script, and for results of tools that a recorded session does not know.
    """
    if state.replies:
        reply = state.replies.pop(0)
    elif (session := session_of(state.sessions, turn)) is not None:
        reply = session.reply(turn.messages)
    elif state.script is not None:
        reply = _scripted(state, turn)
    else:
        reply = DEFAULT_REPLY
    if isinstance(reply.content, Answer):
        return Reply(_switched(state, turn, reply.content))
    return reply


def _scripted(state: KimiState, turn: Turn) -> Reply:
    script = state.script
    if script is None:
        return DEFAULT_REPLY
    last: dict[str, Any] = turn.messages[-1]
    if turn.wire == "messages" or last.get("partial") is not True:
        return script.whole()
    begun = str(last.get("content") or ""), str(last.get("reasoning_content") or "")
    rest = script.rest_after(reasoning=begun[1], text=begun[0])
    if rest is None:
        raise invalid_request("the partial message is no beginning of the recorded answer")
    return rest


def _switched(state: KimiState, turn: Turn, answer: Answer) -> Answer:
    changes: dict[str, Any] = {
        name: getattr(state, name) for name in _OVERRIDING if getattr(state, name) is not None
    }
    if state.cut_points and turn.body.get("stream") is True:
        changes["cut_after"] = state.cut_points.pop(0)
    if state.count_tokens and answer.usage is None:
        changes["usage"] = state.prefixes.counted(turn.body, turn.conversation, answer)
    return replace(answer, **changes)
