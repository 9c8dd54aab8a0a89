"""A model id against what is known of an endpoint, before anything is sent; no I/O."""

from agent.catalog.rows import EndpointRow, ProviderRow
from agent.catalog.spelling import called_here, meant
from agent.choice import Chosen
from agent.errors import UnknownModel, UsageError
from agent.learnt import LiveList


def model_error(
    provider: ProviderRow,
    endpoint: EndpointRow,
    live: LiveList | None,
    model: Chosen[str],
    sent: str,
) -> UsageError | None:
    """Return the refusal of a model id that the endpoint is known not to have, or None."""
    if not model.value:
        return UsageError(
            f"{provider.name} has no default model.",
            remedy=f"`hermes chat --provider {provider.id} --model ID` names one.",
        )
    ours = any(row.id == model.value for row in provider.models)
    if ours or endpoint not in provider.endpoints:
        return None
    reason = _reason(provider, endpoint, live, model.value, sent)
    if not reason:
        return None
    offered = [each.id for each in (live.models if live else endpoint.open_models)]
    here = called_here(provider, endpoint, model.value, offered)
    advice = f"Here it is `{here.id}`." if here else f"It has: {', '.join(offered)}."
    return UnknownModel(
        f"The {endpoint.name} does not have the model `{model.value}`: {reason}. {advice}",
        remedy="`hermes models` lists them; `hermes models --refresh` asks the endpoint.",
    )


def _reason(
    provider: ProviderRow, endpoint: EndpointRow, live: LiveList | None, model_id: str, sent: str
) -> str:
    """Return why the endpoint is known not to have a model id; empty if it may have it."""
    if live is not None:
        return "" if live.model(sent) else f"its list of {live.at[:10]} does not have it"
    if endpoint.model(model_id) is not None:
        return ""
    if not endpoint.lists_models:
        return "it has one model"
    if meant(provider, model_id) != model_id:
        return "that is a spelling of other programs"
    others = (other for other in provider.endpoints if other.model(model_id))
    elsewhere = next(others, None)
    return f"it is an id of the {elsewhere.name}" if elsewhere else ""
