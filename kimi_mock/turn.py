"""One request for a turn, with what the surface and the switches say about its model."""

from dataclasses import dataclass
from typing import Any, cast

from kimi_mock.rendering import Asked
from kimi_mock.surfaces import Model, ModelRow, Surface, Wire
from kimi_mock.switches import Switches

# Below Allegretto the plan has its K3 with this window; KD models page, oh-my-pi#5847.
SMALL_WINDOW_TOKENS = 262_144


@dataclass(frozen=True, kw_only=True)
class Turn:
    """
    A request for a turn whose body is an object.

    `key` is what it was let in with; `number` counts the mock's requests from 1.
    """

    surface: Surface
    wire: Wire
    body: dict[str, Any]
    number: int
    key: str
    switches: Switches

    @property
    def model(self) -> str:
        """The id asked for, as it was typed."""
        return str(self.body.get("model", ""))

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages; for checks that come after the one of their shape."""
        return cast("list[dict[str, Any]]", self.body["messages"])

    @property
    def row(self) -> ModelRow:
        """The model's row in `GET /models`; empty where any model is taken."""
        rows = self.switches.models.get(self.surface.id, [])
        return next((row for row in rows if row.get("id") == self.model), {})

    @property
    def shipped(self) -> Model | None:
        """What else is known of the model, or None if its row is a test's own."""
        return self.surface.find_model(self.model)

    @property
    def effort(self) -> object:
        """The effort asked for, wherever this wire has it; None for none."""
        if self.wire == "messages":
            return _field(self.body.get("output_config"), "effort")
        return self.body.get("reasoning_effort") or _field(self.body.get("thinking"), "effort")

    @property
    def turned_off(self) -> bool:
        """Whether the request turns thinking off, by `disabled` or the plan's effort `none`."""
        disabled = _field(self.body.get("thinking"), "type") == "disabled"
        return disabled or (self.surface.plan and self.effort == "none")

    @property
    def thinks(self) -> bool:
        """Whether the model thinks on this request."""
        kind = self.row.get("supports_thinking_type")
        return kind != "no" and not self.turned_off

    @property
    def served_model(self) -> str:
        """The id of the model that answers."""
        shipped = self.shipped
        if self.turned_off and shipped is not None and shipped.unthinking:
            return shipped.unthinking
        return self.model

    @property
    def asked(self) -> Asked:
        """What of the request shapes the answer."""
        include = _field(self.body.get("stream_options"), "include_usage") is True
        return Asked(
            model=self.served_model,
            number=self.number,
            include_usage=include,
            usage_details=self.switches.usage_details,
        )

    @property
    def conversation(self) -> tuple[str, ...] | None:
        """
        What the prefix cache keeps apart; None for no cache.

        The plan's chat wire caches for a `prompt_cache_key` only (contract 3.4); another model
        or effort begins anew. The messages wire goes by `metadata.user_id`, or the key alone.
        """
        if self.wire == "messages":
            name = str(_field(self.body.get("metadata"), "user_id") or "")
        else:
            name = str(self.body.get("prompt_cache_key") or "")
            if self.surface.plan and not name:
                return None
        return (self.surface.id, self.key, self.wire, self.model, str(self.effort), name)

    @property
    def all_tools(self) -> list[Any]:
        """The request's tools and those that a system message carries (contract 3.6)."""
        found = [self.body.get("tools"), *(each.get("tools") for each in self.messages)]
        return [tool for tools in found if isinstance(tools, list) for tool in tools]


def _field(value: object, name: str) -> object:
    """Return a field of an object, or None if it is none."""
    return value.get(name) if isinstance(value, dict) else None
