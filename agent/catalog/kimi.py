"""Everything known about Kimi's endpoints: two products, two regions each."""

from agent.catalog import kimi_models as models
from agent.catalog.rows import EndpointRow, ProviderRow

KIMI_CODE = EndpointRow(
    id="kimi-code",
    name="Kimi Coding endpoint",
    product="Kimi Code",
    region="mainland",
    key_prefix="sk-kimi-",
    base_urls=(
        ("chat", "https://api.kimi.com/coding/v1"),
        ("messages", "https://api.kimi.com/coding"),
    ),
    console="https://www.kimi.com/code/console",
    # In two shapes, one or both at a time (since 2026-09; ai-usagebar#199, quota-axi#201).
    usage_path="/usages",
    usage_shape="plan",
    # Answers 403 `access_terminated_error` on the chat wire to clients it does not know, and
    # points them to the messages wire (seen 2026-06, CLIProxyAPI#1327, kodus#1257).
    refuses_unknown_clients=("chat",),
    # Scripted batches are outside a membership (KD overview and community-guidelines, 2026-08).
    interactive_only=True,
    quirks=frozenset({"replay-reasoning", "pinned-sampling", "flavored-schema", "partial-mode"}),
    models=(
        models.CODE_K3,
        models.CODE_K3_256K,
        models.CODE_K31_PRO,
        models.FOR_CODING,
        models.FOR_CODING_HIGHSPEED,
    ),
    source="kimi.com/code/docs overview; MoonshotAI/kimi-code packages/oauth, 2026-08",
)
KIMI_CODE_GLOBAL = EndpointRow(
    id="kimi-code-global",
    name="Kimi Coding (global) endpoint",
    product=KIMI_CODE.product,
    region="global",
    key_prefix=KIMI_CODE.key_prefix,
    # The messages base of this host is not in any source; it is the mainland one's shape.
    base_urls=(
        ("chat", "https://api.kimi.ai/coding/v1"),
        ("messages", "https://api.kimi.ai/coding"),
    ),
    console="https://www.kimi.ai/code",
    known_as=("kimi-code-plan-global",),
    usage_path=KIMI_CODE.usage_path,
    usage_shape=KIMI_CODE.usage_shape,
    refuses_unknown_clients=KIMI_CODE.refuses_unknown_clients,
    interactive_only=KIMI_CODE.interactive_only,
    quirks=KIMI_CODE.quirks,
    models=(
        models.GLOBAL_K3,
        models.GLOBAL_K3_256K,
        models.GLOBAL_FOR_CODING,
        models.GLOBAL_FOR_CODING_HIGHSPEED,
    ),
    source="MoonshotAI/kimi-code packages/oauth/src/region.ts, 2026-08; mastra.ai listing",
)
MOONSHOT = EndpointRow(
    id="moonshot",
    name="Moonshot endpoint",
    product="Moonshot open platform",
    region="international",
    base_urls=(
        ("chat", "https://api.moonshot.ai/v1"),
        ("messages", "https://api.moonshot.ai/anthropic"),
    ),
    console="https://platform.kimi.ai",
    usage_path="/users/me/balance",
    usage_shape="balance",
    balance_currency="USD",
    rotates_keys=True,
    # llm-moonshot's variable (`key_env_var`); its host is this one.
    known_as=("MOONSHOT_KEY",),
    quirks=KIMI_CODE.quirks,
    models=(
        models.K31_PRO,
        models.K31_PRO_HIGHSPEED,
        models.K3,
        models.K27_CODE,
        models.K27_CODE_HIGHSPEED,
        models.K26,
        models.K25,
        models.K2_THINKING,
        models.K2_THINKING_TURBO,
        models.K2_TURBO,
        models.K2_0905,
        models.K2_0711,
        models.THINKING_PREVIEW,
        *models.MOONSHOT_V1,
    ),
    source="platform.kimi.ai/docs, read 2026-09",
)
MOONSHOT_CN = EndpointRow(
    id="moonshot-cn",
    name="Moonshot (China) endpoint",
    product=MOONSHOT.product,
    region="mainland China",
    base_urls=(
        ("chat", "https://api.moonshot.cn/v1"),
        ("messages", "https://api.moonshot.cn/anthropic"),
    ),
    console="https://platform.kimi.com",
    usage_path=MOONSHOT.usage_path,
    usage_shape=MOONSHOT.usage_shape,
    balance_currency="CNY",
    rotates_keys=MOONSHOT.rotates_keys,
    # models.dev's id, then hermes-agent's profile `kimi-coding-cn` (read 2026-11).
    known_as=("moonshotai-cn", "kimi-coding-cn", "kimi-cn", "moonshot-cn", "KIMI_CN_API_KEY"),
    quirks=MOONSHOT.quirks,
    models=(
        models.CN_K3,
        models.CN_K27_CODE,
        models.CN_K27_CODE_HIGHSPEED,
        models.CN_K26,
        models.CN_K25,
    ),
    source="platform.kimi.com/docs, read 2026-09",
)

KIMI = ProviderRow(
    id="kimi-coding",
    name="Kimi / Moonshot",
    aliases=("kimi", "moonshot", "kimi-code", "kimi-for-coding", "moonshotai"),
    key_variables=("KIMI_API_KEY", "KIMI_CODING_API_KEY", "MOONSHOT_API_KEY"),
    base_url_variable="KIMI_BASE_URL",
    usual_key_prefix="sk-",
    # People paste these at a Kimi prompt and meet a 401 later (agent-glovebox#2214).
    foreign_prefixes=(
        ("sk-ant-", "Anthropic"),
        ("sk-or-", "OpenRouter"),
        ("sk-proj-", "OpenAI"),
        ("AIza", "Google"),
        ("gsk_", "Groq"),
    ),
    endpoints=(KIMI_CODE, KIMI_CODE_GLOBAL, MOONSHOT, MOONSHOT_CN),
    default_endpoint=MOONSHOT.id,
    models=models.REQUESTED,
    default_model=models.KIMI_CODING.id,
    # In no listing; Kimi Code answered the first three with another model, and refuses them now
    # (hermes-agent#1039, models.dev#3338).
    misnomers=(
        ("k2p5", "kimi-k2.5"),
        ("k2p6", "kimi-k2.6"),
        ("k2p7", "kimi-k2.7-code"),
        ("kimi-k2.7", "kimi-k2.7-code"),
        ("kimi-2.6", "kimi-k2.6"),
        ("kimi-k2.5-thinking", "kimi-k2.5"),
        ("kimi-k2.5-preview", "kimi-k2.5"),
    ),
    exercised=True,
)
