"""Events as JSON lines, for programs; see docs/json.md."""

import json

import msgspec

from agent.errors import HermesError, ProviderError
from agent.events import (
    BudgetRaised,
    Finished,
    Resumed,
    Retrying,
    RouteChanged,
    ServedModel,
    WindowLearnt,
    WireMoved,
)
from agent.loop_events import (
    ApprovalWanted,
    Compacted,
    MessageAdded,
    StepBegan,
    ToolBegan,
    ToolEnded,
    TurnEnded,
)
from agent.messages import ToolCall, text_of
from agent.tools.base import Action
from hermes_cli.ui.screen import Screen, WorkEvent
from hermes_cli.ui.sentences import Happening, ending_sentences, sentences_of
from hermes_cli.ui.style import SCHEMA
from hermes_cli.ui.tool_lines import result_text
from hermes_cli.ui.usage_lines import cost_document, share_document

_EVENT_NAMES: dict[type[Happening], str] = {
    WireMoved: "wire_moved",
    Retrying: "retrying",
    Resumed: "resumed",
    WindowLearnt: "window_learnt",
    ServedModel: "served_model",
    BudgetRaised: "budget_raised",
    RouteChanged: "route_changed",
}


class JsonScreen(Screen):
    """One JSON object a line on `out` for each event; see docs/json.md."""

    def notice(self, sentence: str) -> None:
        """Show one line about the run, as an event too."""
        self._event("notice", text=sentence)
        super().notice(sentence)

    def error(self, error: HermesError) -> None:
        """Give an error as the last event."""
        self._event(
            "error",
            **{"class": type(error).__name__},
            message=error.message,
            remedy=error.remedy,
            exit_code=error.exit_code,
            status=error.status if isinstance(error, ProviderError) and error.status else None,
        )

    def _text(self, text: str) -> None:
        self._event("text", text=text)

    def _think(self, text: str) -> None:
        self._event("think", text=text)

    def _happened(self, event: Happening) -> None:
        self._event(_EVENT_NAMES[type(event)], **msgspec.structs.asdict(event))
        for sentence in sentences_of(event):
            Screen.notice(self, sentence)

    def _call(self, call: ToolCall) -> None:
        self._event("tool_call", id=call.id, name=call.name, arguments=call.arguments)

    def _work(self, event: WorkEvent) -> None:
        match event:
            case StepBegan():
                self._event("step", step=event.step)
            case ApprovalWanted():
                self._event(
                    "approval_wanted",
                    id=event.call.id,
                    name=event.call.name,
                    reason=event.reason,
                    rule=event.rule,
                    **_action(event.action),
                )
            case ToolBegan():
                self._event(
                    "tool_began", id=event.call.id, name=event.call.name, **_action(event.action)
                )
            case ToolEnded():
                self._ended(event)
            case Compacted():
                self._compacted(event)
            case TurnEnded():
                self._event("turn_ended", **msgspec.structs.asdict(event))
            case MessageAdded():
                pass  # Who drives it has typed it.

    def _compacted(self, event: Compacted) -> None:
        answer = event.answer
        usage = answer and answer.usage
        self._event(
            "compacted",
            before_tokens=event.before_tokens,
            after_tokens=event.after_tokens,
            how=event.how,
            usage=usage and msgspec.structs.asdict(usage),
            cost=cost_document(self._cost(answer) if answer else None),
        )

    def _ended(self, event: ToolEnded) -> None:
        outcome = event.outcome
        self._event(
            "tool_ended",
            id=event.call.id,
            name=event.call.name,
            is_error=outcome.is_error,
            summary=outcome.summary,
            text=result_text(outcome),
            diff=outcome.diff,
            seconds=round(event.seconds, 3),
        )

    def _finished(self, event: Finished) -> None:
        for sentence in ending_sentences(event, tools=self.offers_tools):
            self.notice(sentence)
        usage = event.usage
        self._event(
            "finished",
            finish_reason=event.finish_reason,
            model=self._route.model.value if self._route else "",
            model_sent=self._model_sent,
            served_model=event.model,
            usage=usage and msgspec.structs.asdict(usage),
            cached_share=share_document(usage),
            cost=cost_document(self._cost(event)),
            text=text_of(event.message),
        )

    def _event(self, name: str, /, **fields: object) -> None:
        document = {"schema": SCHEMA, "event": name, **fields}
        self._out.write(json.dumps(document, ensure_ascii=False) + "\n")


def _action(action: Action | None) -> dict[str, object]:
    """Return what a call would do, for JSON; all empty where its arguments cannot be read."""
    action = action or Action(kind="talk")
    return {
        "kind": action.kind,
        "paths": [str(path) for path in action.paths],
        "command": action.command,
        "url": action.url,
        "preview": action.preview,
    }
