"""
The four surfaces as frozen rows: host, paths, keys and models.

Everything here was written down from public pages and issues, never from the client.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

Wire = Literal["chat", "messages"]
ModelRow = dict[str, Any]
Body = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Model:
    """
    One entry of a surface's `GET /models`; `context_length` in tokens, `released` as a date.

    `forced_tools` says that `tool_choice` "required" is taken with thinking on, as by the K3
    family (contract 3.5); `unthinking` is the id that answers in its place when thinking is
    turned off. Neither is in the list that the endpoint sends.
    """

    id: str
    context_length: int
    released: str
    thinking: Literal["only", "both", "no"] = "only"
    video: bool = True
    efforts: tuple[str, ...] = ()
    default_effort: str = ""
    display_name: str = ""
    forced_tools: bool = False
    unthinking: str = ""

    def row(self) -> ModelRow:
        """Return the entry as the endpoint sends it; what it does not know it leaves out."""
        released = datetime.fromisoformat(self.released).replace(tzinfo=UTC)
        row: ModelRow = {
            "id": self.id,
            "object": "model",
            "created": int(released.timestamp()),
            "owned_by": "moonshot",
            "context_length": self.context_length,
            "supports_reasoning": self.thinking != "no",
            "supports_thinking_type": self.thinking,
            "supports_image_in": True,
            "supports_video_in": self.video,
        }
        if self.efforts:
            row["think_efforts"] = {
                "support": True,
                "valid_efforts": list(self.efforts),
                "default_effort": self.default_effort,
            }
        if self.display_name:
            row["display_name"] = self.display_name
        return row


@dataclass(frozen=True, kw_only=True)
class Surface:
    """
    One of the four places with keys of its own.

    `chat_base` and `messages_base` are paths on `host`; `plan` is true for Kimi Code, whose
    bodies differ and whose chat path has the gate.
    """

    id: str
    host: str
    console: str
    chat_base: str
    messages_base: str
    plan: bool
    key: str
    models: tuple[Model, ...]

    def find_model(self, model_id: str) -> Model | None:
        """Return the shipped row with this id, or None."""
        return next((model for model in self.models if model.id == model_id), None)

    @property
    def models_path(self) -> str:
        """The path of the list of models."""
        return f"{self.chat_base}/models"

    @property
    def chat_path(self) -> str:
        """The path of a chat turn."""
        return f"{self.chat_base}/chat/completions"

    @property
    def messages_path(self) -> str:
        """The path of a turn over the messages wire."""
        return f"{self.messages_base}/v1/messages"


EFFORTS = ("low", "high", "max")
# Thinking turned off on the plan silently serves K2.8 Preview (contract 2.2); the id is our guess.
UNTHINKING = "kimi-k2.8-preview"
K3_1_PRO = Model(
    id="kimi-k3.1-pro",
    context_length=1_048_576,
    released="2026-10-23",
    efforts=EFFORTS,
    default_effort="max",
    forced_tools=True,
)
K3_1_PRO_FAST = Model(
    id="kimi-k3.1-pro-highspeed",
    context_length=1_048_576,
    released="2026-10-23",
    efforts=EFFORTS,
    default_effort="max",
    forced_tools=True,
)
K3 = Model(
    id="kimi-k3",
    context_length=1_048_576,
    released="2026-07-16",
    efforts=EFFORTS,
    default_effort="max",
    forced_tools=True,
)
K2_7_CODE = Model(id="kimi-k2.7-code", context_length=262_144, released="2026-06-12")
K2_7_CODE_FAST = Model(id="kimi-k2.7-code-highspeed", context_length=262_144, released="2026-06-12")
K2_6 = Model(id="kimi-k2.6", context_length=262_144, released="2026-04-21", thinking="both")
PLAN_K3 = Model(
    id="k3",
    context_length=1_048_576,
    released="2026-07-16",
    efforts=EFFORTS,
    default_effort="high",
    display_name="Kimi K3",
    forced_tools=True,
    unthinking=UNTHINKING,
)
# The one plan row that was seen live: models.dev#3698, 2026-07-24.
PLAN_K3_256K = Model(
    id="k3-256k",
    context_length=262_144,
    released="2026-07-24",
    video=False,
    efforts=EFFORTS,
    default_effort="high",
    display_name="Kimi K3 256K",
    forced_tools=True,
    unthinking=UNTHINKING,
)
# Its default effort is not known; taken to be that of k3 on the same host.
PLAN_K3_1_PRO = Model(
    id="k3.1-pro",
    context_length=1_048_576,
    released="2026-10-23",
    efforts=EFFORTS,
    default_effort="high",
    display_name="Kimi K3.1 Pro",
    forced_tools=True,
)
PLAN_ALIAS = Model(
    id="kimi-for-coding",
    context_length=262_144,
    released="2026-07-16",
    display_name="Kimi For Coding",
)
PLAN_ALIAS_FAST = Model(
    id="kimi-for-coding-highspeed",
    context_length=262_144,
    released="2026-07-16",
    display_name="Kimi For Coding Highspeed",
)
# The global host lists the alias with 1.0M tokens (mastra.ai), and no efforts were seen there.
GLOBAL_ALIAS = Model(
    id="kimi-for-coding",
    context_length=1_048_576,
    released="2026-08-01",
    display_name="Kimi For Coding",
)
GLOBAL_K3 = Model(
    id="k3",
    context_length=1_048_576,
    released="2026-08-01",
    display_name="Kimi K3",
    forced_tools=True,
    unthinking=UNTHINKING,
)
GLOBAL_K3_256K = Model(
    id="k3-256k",
    context_length=262_144,
    released="2026-08-01",
    video=False,
    display_name="Kimi K3 256K",
    forced_tools=True,
    unthinking=UNTHINKING,
)

KIMI_CODE = Surface(
    id="kimi-code",
    host="api.kimi.com",
    console="https://www.kimi.com/code/console",
    chat_base="/coding/v1",
    messages_base="/coding",
    plan=True,
    key="sk-kimi-mock-code-0001",
    models=(PLAN_ALIAS, PLAN_K3, PLAN_K3_256K, PLAN_K3_1_PRO, PLAN_ALIAS_FAST),
)
KIMI_CODE_GLOBAL = Surface(
    id="kimi-code-global",
    host="api.kimi.ai",
    console="https://www.kimi.ai/code",
    chat_base="/coding/v1",
    messages_base="/coding",
    plan=True,
    key="sk-kimi-mock-global-0002",
    models=(GLOBAL_ALIAS, GLOBAL_K3, GLOBAL_K3_256K, PLAN_ALIAS_FAST),
)
MOONSHOT = Surface(
    id="moonshot",
    host="api.moonshot.ai",
    console="https://platform.kimi.ai",
    chat_base="/v1",
    messages_base="/anthropic",
    plan=False,
    key="sk-mock-platform-0003",
    models=(K3_1_PRO, K3_1_PRO_FAST, K3, K2_7_CODE, K2_7_CODE_FAST, K2_6),
)
MOONSHOT_CN = Surface(
    id="moonshot-cn",
    host="api.moonshot.cn",
    console="https://platform.kimi.com",
    chat_base="/v1",
    messages_base="/anthropic",
    plan=False,
    key="sk-mock-china-0004",
    models=(K3, K2_7_CODE, K2_7_CODE_FAST, K2_6),
)
SURFACES: tuple[Surface, ...] = (KIMI_CODE, KIMI_CODE_GLOBAL, MOONSHOT, MOONSHOT_CN)
# Who answers on loopback without `/at/<id>`: the plan's paths begin with `/coding`.
LOOPBACK_SURFACES = (KIMI_CODE, MOONSHOT)


def find_surface(surface_id: str) -> Surface | None:
    """Return the surface with this id, or None."""
    return next((surface for surface in SURFACES if surface.id == surface_id), None)


def surface_at(host: str) -> Surface | None:
    """Return the surface behind a host name, in any case and without a port, or None."""
    return next((surface for surface in SURFACES if surface.host == host.lower()), None)
