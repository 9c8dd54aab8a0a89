"""
The four surfaces as frozen rows: host, paths, keys, models, and the bodies they refuse with.

Everything here was written down from public pages and issues, never from the client.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

Wire = Literal["chat", "messages"]
ModelRow = dict[str, Any]
Body = dict[str, Any]
Refusal = tuple[int, Body]

INVALID_AUTHENTICATION = "Invalid Authentication"
# The plan hosts' own text, on both wires; KD error reference, opencode#14892.
KEY_INVALID = (
    "The API Key appears to be invalid or may have expired."
    " Please verify your credentials and try again."
)
# Word for word as in cline#10307, continue#10847 and kimi-code#414.
GATE_SHUT = (
    "Kimi For Coding is currently only available for Coding Agents"
    " such as Kimi CLI, Claude Code, Roo Code, Kilo Code, etc."
)
# What another temperature, top_p, … is refused in favour of; with thinking off, 0.6 (contract 3.2).
PINNED_SAMPLING: tuple[tuple[str, float], ...] = (
    ("temperature", 1),
    ("top_p", 0.95),
    ("n", 1),
    ("presence_penalty", 0),
    ("frequency_penalty", 0),
)
TEMPERATURE_WITHOUT_THINKING = 0.6


@dataclass(frozen=True, kw_only=True)
class Model:
    """One entry of a surface's `GET /models`; `context_length` in tokens, `released` as a date."""

    id: str
    context_length: int
    released: str
    thinking: Literal["only", "both", "no"] = "only"
    video: bool = True
    efforts: tuple[str, ...] = ()
    default_effort: str = ""
    display_name: str = ""

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
K3_1_PRO = Model(
    id="kimi-k3.1-pro",
    context_length=1_048_576,
    released="2026-10-23",
    efforts=EFFORTS,
    default_effort="max",
)
K3_1_PRO_FAST = Model(
    id="kimi-k3.1-pro-highspeed",
    context_length=1_048_576,
    released="2026-10-23",
    efforts=EFFORTS,
    default_effort="max",
)
K3 = Model(
    id="kimi-k3",
    context_length=1_048_576,
    released="2026-07-16",
    efforts=EFFORTS,
    default_effort="max",
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
)
# Its default effort is not known; taken to be that of k3 on the same host.
PLAN_K3_1_PRO = Model(
    id="k3.1-pro",
    context_length=1_048_576,
    released="2026-10-23",
    efforts=EFFORTS,
    default_effort="high",
    display_name="Kimi K3.1 Pro",
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
GLOBAL_K3 = Model(id="k3", context_length=1_048_576, released="2026-08-01", display_name="Kimi K3")
GLOBAL_K3_256K = Model(
    id="k3-256k",
    context_length=262_144,
    released="2026-08-01",
    video=False,
    display_name="Kimi K3 256K",
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


def error_body(wire: Wire, kind: str, message: str) -> Body:
    """Return an error object in the field order that was captured on this wire."""
    if wire == "messages":
        return {"error": {"type": kind, "message": message}, "type": "error"}
    return {"error": {"message": message, "type": kind}}


def key_refused(surface: Surface, wire: Wire, *, sent: bool) -> Refusal:
    """
    Return the 401 for a key this surface does not know; `sent` says whether one came.

    Source: contract 1.3. The platforms' messages wire was never captured with a wrong key;
    the plan's shape with the platforms' sentence stands in for it.
    """
    message = KEY_INVALID if surface.plan and sent else INVALID_AUTHENTICATION
    kind = "authentication_error" if wire == "messages" else "invalid_authentication_error"
    return 401, error_body(wire, kind, message)


def gate_refused() -> Refusal:
    """Return the 403 for a client whose name the plan's chat path does not take."""
    return 403, error_body("chat", "access_terminated_error", GATE_SHUT)


def model_refused(surface: Surface, wire: Wire, model: str) -> Refusal:
    """
    Return what this surface answers to a model id it does not have.

    Source: contract 2.3 and 2.5. On the plan's chat wire the type was not captured; the one
    seen on its messages wire is sent.
    """
    if surface.plan:
        message = (
            f"Your model id does not exist, recognized as other:{model}."
            " Please set model id as `k3`."
        )
        return 401, error_body(wire, "authentication_error", message)
    message = f"Not found the model {model} or Permission denied"
    return 404, error_body(wire, "resource_not_found_error", message)


def sampling_refused(field: str, pinned: float) -> Refusal:
    """Return the 400 for a sampling field with another value than the pinned one."""
    message = f"invalid {field}: only {pinned:g} is allowed for this model"
    return 400, error_body("chat", "invalid_request_error", message)


def request_refused(wire: Wire, details: str) -> Refusal:
    """Return the 400 for a request that is not one; the wording of `details` is ours."""
    return 400, error_body(wire, "invalid_request_error", f"Invalid request: {details}")


def path_unknown() -> Refusal:
    """Return the 404 for a path without an endpoint, such as a doubled `/v1` (opencode#37496)."""
    message = "The requested resource was not found"
    return 404, error_body("chat", "resource_not_found_error", message)
