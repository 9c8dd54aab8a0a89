"""Endpoints that only the user knows: a gateway, a proxy, a server of one's own."""

from agent.catalog.rows import EndpointRow, ProviderRow, Wire

CUSTOM = ProviderRow(
    id="custom",
    name="Custom endpoint",
    key_needed=False,
    key_variables=("CUSTOM_API_KEY",),
    base_url_variable="CUSTOM_BASE_URL",
    exercised=True,
)


def endpoint_at(base_url: str, wires: tuple[Wire, ...], provider: ProviderRow) -> EndpointRow:
    """
    Return a row for a base URL that is none of the shipped ones: no models, no quirks.

    `base_url` is normalised and names the chat wire's base; the messages wire's own
    path begins with `/v1`, so a trailing `/v1` is left out of its base. The key goes into
    the header that the provider's own endpoint takes it in.
    """
    messages_base = base_url.removesuffix("/v1")
    by_wire: dict[Wire, str] = {"chat": base_url, "messages": messages_base}
    return EndpointRow(
        id="custom",
        name="custom endpoint",
        base_urls=tuple((wire, by_wire[wire]) for wire in wires),
        key_header=provider.endpoints[0].key_header if provider.endpoints else "Authorization",
        source="the user",
    )
