"""Kimi's models: one row for each id at each endpoint."""

from msgspec.structs import replace

from agent.catalog.rows import ModelRow

COMPILED = "2026-11-22"
"""The day the rows were compiled from their sources."""

_EFFORTS = ("low", "high", "max")
# K2 refuses `required` and a named tool while it thinks; K3 takes `required` (contract 3.5).
_K3_CHOICES = ("auto", "none", "required")
_MODELS_DEV = "anomalyco/models.dev providers/moonshotai"
_CN_DOCS = "platform.kimi.com docs"
_LEAVING = "retirement planned end of Dec 2026 (reported)"

# --- The open platform, international: US dollars. ---

K3 = ModelRow(
    id="kimi-k3",
    family="k3",
    context_tokens=1_048_576,
    output_tokens=1_048_576,
    default_output_tokens=131_072,
    thinking="only",
    thinking_control="effort",
    tool_choices=_K3_CHOICES,
    efforts=_EFFORTS,
    default_effort="max",
    image=True,
    video=True,
    price_in=3.0,
    price_cached=0.3,
    price_out=15.0,
    first_day="2026-07-16",
    note="send reasoning_effort, not thinking",
    source="platform.kimi.ai/docs/guide/kimi-k3-quickstart, /pricing/chat-k3; LiveBench#471",
)
K31_PRO = replace(
    K3,
    id="kimi-k3.1-pro",
    family="k3.1-pro",
    price_in=2.0,
    price_cached=0.2,
    price_out=10.0,
    first_day="2026-10-23",
    note="default effort assumed equal to kimi-k3",
    source="vercel, novita catalogs; apidog page",
)
K31_PRO_HIGHSPEED = replace(
    K31_PRO,
    id="kimi-k3.1-pro-highspeed",
    family="k3.1-pro-highspeed",
    price_in=4.0,
    price_cached=None,
    price_out=20.0,
    mark="reported",
    note="",
    source="vercel catalog",
)
K27_CODE = ModelRow(
    id="kimi-k2.7-code",
    family="k2.7-code",
    context_tokens=262_144,
    output_tokens=262_144,
    default_output_tokens=32_768,
    thinking="only",
    thinking_control="always",
    image=True,
    video=True,
    price_in=0.95,
    price_cached=0.19,
    price_out=4.0,
    first_day="2026-06-12",
    note=_LEAVING,
    source=f"platform.kimi.ai/docs; {_MODELS_DEV}/models/kimi-k2.7-code.toml",
)
K27_CODE_HIGHSPEED = replace(
    K27_CODE,
    id="kimi-k2.7-code-highspeed",
    family="k2.7-code-highspeed",
    price_in=1.9,
    price_cached=0.38,
    price_out=8.0,
    source=f"platform.kimi.ai/docs; {_MODELS_DEV}/models/kimi-k2.7-code-highspeed.toml",
)
K26 = replace(
    K27_CODE,
    id="kimi-k2.6",
    family="k2.6",
    thinking="both",
    thinking_control="toggle-keep",
    price_cached=0.16,
    first_day="2026-04-21",
    note=f"send thinking.keep=all for agent loops; {_LEAVING}",
    source=f"platform.kimi.ai/docs; {_MODELS_DEV}/models/kimi-k2.6.toml",
)
K25 = replace(
    K26,
    id="kimi-k2.5",
    family="k2.5",
    thinking_control="toggle",
    price_in=0.6,
    price_cached=0.1,
    price_out=3.0,
    first_day="2026-01",
    last_day="2026-08-31",
    note="named in hermes#966",
    source=f"{_MODELS_DEV}/models/kimi-k2.5.toml; retirement: raynard v0.12.0 notes",
)
K2_THINKING = replace(
    K25,
    id="kimi-k2-thinking",
    family="k2-thinking",
    thinking="only",
    thinking_control="always",
    image=False,
    video=False,
    price_cached=0.15,
    price_out=2.5,
    first_day="2025-11-06",
    last_day="2026-05-25",
    source=f"{_MODELS_DEV}/models/kimi-k2-thinking.toml; promptfoo, chatbase notices",
)
K2_THINKING_TURBO = replace(
    K2_THINKING,
    id="kimi-k2-thinking-turbo",
    family="k2-thinking-turbo",
    price_in=1.15,
    price_out=8.0,
    note="",
    source=f"{_MODELS_DEV}/models/kimi-k2-thinking-turbo.toml",
)
K2_0905 = replace(
    K2_THINKING,
    id="kimi-k2-0905-preview",
    family="k2-0905",
    thinking="no",
    thinking_control="",
    default_output_tokens=None,
    first_day="2025-09-05",
    source=f"{_MODELS_DEV}/models/kimi-k2-0905-preview.toml",
)
K2_TURBO = replace(
    K2_0905,
    id="kimi-k2-turbo-preview",
    family="k2-turbo",
    price_in=2.4,
    price_cached=0.6,
    price_out=10.0,
    note="named in hermes#966; some catalogs say 256,000; price sources disagree",
    source=f"{_MODELS_DEV}/models/kimi-k2-turbo-preview.toml",
)
K2_0711 = replace(
    K2_0905,
    id="kimi-k2-0711-preview",
    family="k2-0711",
    context_tokens=131_072,
    output_tokens=16_384,
    first_day="2025-07-14",
    note="",
    source=f"{_MODELS_DEV}/models/kimi-k2-0711-preview.toml",
)
THINKING_PREVIEW = ModelRow(
    id="kimi-thinking-preview",
    family="thinking-preview",
    context_tokens=131_072,
    thinking="only",
    image=True,
    video=False,
    tools=False,
    last_day="2025-11-11",
    mark="reported",
    note="window and capabilities from catalogs",
    source="platform.kimi.ai/docs",
)
MOONSHOT_V1 = tuple(
    ModelRow(
        id=f"moonshot-v1-{name}",
        family=f"v1-{name}",
        context_tokens=tokens,
        output_tokens=tokens,
        image="vision" in name,
        video=False,
        last_day="2026-08-31",
        mark="reported",
        note="closed to new users; end of life reported; temperature 0-1 allowed",
        source="platform docs; pydantic-ai providers/moonshotai.py; promptfoo#10132",
    )
    for name, tokens in (
        ("8k", 8_192),
        ("32k", 32_768),
        ("128k", 131_072),
        ("auto", 131_072),
        ("8k-vision-preview", 8_192),
        ("32k-vision-preview", 32_768),
        ("128k-vision-preview", 131_072),
    )
)

# --- The open platform, mainland China: yuan. ---

CN_K3 = replace(
    K3,
    currency="CNY",
    price_in=None,
    price_cached=None,
    price_out=None,
    first_day="",
    note="CNY price not collected",
    source="farion1231/cc-switch src/config/codexProviderPresets.ts",
)
CN_K27_CODE = replace(
    K27_CODE,
    currency="CNY",
    price_in=6.5,
    price_cached=1.3,
    price_out=27.0,
    first_day="",
    note="",
    source=_CN_DOCS,
)
CN_K27_CODE_HIGHSPEED = replace(
    CN_K27_CODE,
    id="kimi-k2.7-code-highspeed",
    family="k2.7-code-highspeed",
    price_in=13.0,
    price_cached=2.6,
    price_out=54.0,
)
CN_K26 = replace(
    CN_K27_CODE,
    id="kimi-k2.6",
    family="k2.6",
    thinking="both",
    thinking_control="toggle-keep",
    price_cached=1.1,
)
CN_K25 = replace(
    CN_K26,
    id="kimi-k2.5",
    family="k2.5",
    thinking_control="toggle",
    price_in=4.0,
    price_cached=0.7,
    price_out=21.0,
    last_day="2026-08-31",
)

# --- Kimi Code at api.kimi.com: a membership covers the tokens. ---

CODE_K3 = ModelRow(
    id="k3",
    family="k3",
    context_tokens=1_048_576,
    output_tokens=131_072,
    thinking="only",
    thinking_control="thinking-effort",
    tool_choices=_K3_CHOICES,
    efforts=_EFFORTS,
    default_effort="high",
    image=True,
    video=True,
    price_in=0,
    price_cached=0,
    price_out=0,
    first_day="2026-07-16",
    note="262,144 on lower tiers",
    source="kimi.com/code/docs models page; MoonshotAI/kimi-code docs/en/configuration",
)
CODE_K3_256K = replace(
    CODE_K3,
    id="k3-256k",
    family="k3-256k",
    context_tokens=262_144,
    video=False,
    first_day="2026-07-24",
    note="about half the quota cost of k3",
    source="anomalyco/models.dev#3698 (live row); cc-switch presets",
)
CODE_K31_PRO = replace(
    CODE_K3,
    id="k3.1-pro",
    family="k3.1-pro",
    default_effort="",
    first_day="2026-10-23",
    mark="reported",
    note="disabled thinking gives 400",
    source="dev.to migration guide",
)
FOR_CODING = replace(
    CODE_K3,
    id="kimi-for-coding",
    family="for-coding",
    context_tokens=262_144,
    output_tokens=32_768,
    thinking_control="always",
    efforts=(),
    tool_choices=("auto", "none"),
    default_effort="",
    first_day="",
    note="rolling name: K2.6, K2.7 Code, K2.8 Preview since 2026-09-11",
    source="kimi-code docs; cc-switch; anomalyco/models.dev providers/kimi-for-coding",
)
FOR_CODING_HIGHSPEED = replace(
    FOR_CODING,
    id="kimi-for-coding-highspeed",
    family="for-coding-highspeed",
    first_day="2026-07-16",
    note="higher tiers; about 6 times the speed, 3 times the quota",
    source="kimi.com/code/docs models page; hermes#65835",
)

# --- Kimi Code at api.kimi.ai, since August 2026. ---

_GLOBAL = "mastra.ai/models/providers/kimi-code-plan-global"
GLOBAL_K3 = replace(
    CODE_K3,
    output_tokens=None,
    efforts=(),
    default_effort="",
    first_day="",
    mark="reported",
    note="",
    source=_GLOBAL,
)
GLOBAL_K3_256K = replace(
    GLOBAL_K3, id="k3-256k", family="k3-256k", context_tokens=262_144, video=None
)
GLOBAL_FOR_CODING = replace(
    GLOBAL_K3,
    thinking_control="always",
    tool_choices=("auto", "none"),
    id="kimi-for-coding",
    family="for-coding",
    note="listed with 1.0M here against 262,144 on api.kimi.com",
)
GLOBAL_FOR_CODING_HIGHSPEED = replace(
    GLOBAL_FOR_CODING,
    note="",
    id="kimi-for-coding-highspeed",
    family="for-coding-highspeed",
    context_tokens=262_144,
)

# --- The request's six (hermes#966): the list and the windows that were asked for. ---

# No endpoint has ever had an id `kimi-coding` (hermes#1039), and `kimi-latest` was a name for
# tiers of 8k to 128k that closed to new users; both are names of ours for what came after.
KIMI_CODING = ModelRow(
    id="kimi-coding",
    context_tokens=200_000,
    thinking="only",
    note="asked for with 200,000 tokens in hermes#966",
    source="NousResearch/hermes-agent#966",
    served_as=(
        ("kimi-code", "kimi-for-coding"),
        ("kimi-code-global", "kimi-for-coding"),
        ("moonshot", "kimi-k3"),
        ("moonshot-cn", "kimi-k3"),
    ),
)
KIMI_LATEST = replace(
    KIMI_CODING,
    id="kimi-latest",
    last_day="2026-01-28",
    closed="closed upstream",
    note="asked for with 200,000 tokens in hermes#966; upstream it had at most 131,072",
    source="NousResearch/hermes-agent#966; platform.kimi.com/docs/models",
    served_as=(
        ("kimi-code", "k3"),
        ("kimi-code-global", "k3"),
        ("moonshot", "kimi-k3"),
        ("moonshot-cn", "kimi-k3"),
    ),
)
REQUESTED = (KIMI_CODING, KIMI_LATEST, K25, K2_THINKING, K2_TURBO, K2_0905)
"""The offline list of the request, in its order."""
