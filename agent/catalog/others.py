"""Providers of which we know the name, the variables and the URL, and nothing more."""

from agent.catalog.rows import EndpointRow, ProviderRow, Wire


def _other(
    provider_id: str,
    name: str,
    wire: Wire,
    url: str,
    *,
    variables: tuple[str, ...],
    aliases: tuple[str, ...] = (),
    key_header: str = "Authorization",
) -> ProviderRow:
    """Return a row with one endpoint, no models and no quirks; never exercised by us."""
    endpoint = EndpointRow(
        id=provider_id,
        name=f"{name} endpoint",
        product=name,
        base_urls=((wire, url),),
        key_header=key_header,
        source="the provider's public documentation",
    )
    return ProviderRow(
        id=provider_id,
        name=name,
        aliases=aliases,
        key_variables=variables[:-1],
        base_url_variable=variables[-1],
        endpoints=(endpoint,),
        default_endpoint=endpoint.id,
    )


ZAI = _other(
    "zai",
    "Z.AI / GLM",
    "chat",
    "https://api.z.ai/api/paas/v4",
    variables=("GLM_API_KEY", "ZAI_API_KEY", "Z_AI_API_KEY", "GLM_BASE_URL"),
    aliases=("glm", "z-ai", "z.ai", "zhipu"),
)
MINIMAX = _other(
    "minimax",
    "MiniMax",
    "messages",
    "https://api.minimax.io/anthropic",
    variables=("MINIMAX_API_KEY", "MINIMAX_BASE_URL"),
)
MINIMAX_CN = _other(
    "minimax-cn",
    "MiniMax (China)",
    "messages",
    "https://api.minimaxi.com/anthropic",
    variables=("MINIMAX_CN_API_KEY", "MINIMAX_CN_BASE_URL"),
    aliases=("minimax-china", "minimaxi"),
)
OPENROUTER = _other(
    "openrouter",
    "OpenRouter",
    "chat",
    "https://openrouter.ai/api/v1",
    variables=("OPENROUTER_API_KEY", "OPENROUTER_BASE_URL"),
    aliases=("or",),
)
OPENAI = _other(
    "openai",
    "OpenAI",
    "chat",
    "https://api.openai.com/v1",
    variables=("OPENAI_API_KEY", "OPENAI_BASE_URL"),
)
ANTHROPIC = _other(
    "anthropic",
    "Anthropic",
    "messages",
    "https://api.anthropic.com",
    variables=("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"),
    aliases=("claude",),
    # Its `Authorization` header takes tokens of logins; API keys go here.
    key_header="x-api-key",
)
DEEPSEEK = _other(
    "deepseek",
    "DeepSeek",
    "chat",
    "https://api.deepseek.com/v1",
    variables=("DEEPSEEK_API_KEY", "DEEPSEEK_BASE_URL"),
)

OTHERS = (ZAI, MINIMAX, MINIMAX_CN, OPENROUTER, OPENAI, ANTHROPIC, DEEPSEEK)
