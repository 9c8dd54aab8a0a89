"""What endpoints said about a key, as facts to resolve with and as words for the user; no I/O."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from msgspec.structs import replace

from agent.catalog.rows import EndpointRow, ProviderRow
from agent.errors import HermesError, KeyRefused, ProviderError
from agent.learnt import Facts, KeyPlace, KeyState, LiveList
from hermes_cli.check import Answer, Checked, Verdict, refused_by_all

_MOST_IDS = 3
"""How many model ids are named of a list, before the rest is counted."""


def with_answers(facts: Facts, checked: Checked, *, place: str = "") -> Facts:
    """
    Return the facts as they are once the answers are stored.

    `place` is the id of the endpoint that was chosen where several took the key.
    """
    lists, states, places = dict(facts.lists), dict(facts.states), dict(facts.places)
    for answer in checked.answers:
        where = (answer.route.chat_base_url, answer.route.key_digest)
        if answer.verdict is Verdict.UNREACHED:
            continue
        accepted = answer.verdict is Verdict.ACCEPTED
        states[where] = KeyState("accepted" if accepted else "refused", "models", checked.at)
        if answer.models:
            lists[where] = LiveList(answer.models, checked.at)
    home = home_of(checked, place)
    if home is not None:
        places[home.route.key_digest] = KeyPlace(home.endpoint.id, checked.at)
    return replace(facts, lists=lists, states=states, places=places)


def home_of(checked: Checked, place: str = "") -> Answer | None:
    """Return the one that took the key, or of several the endpoint chosen by its id, or None."""
    found = [each for each in checked.accepted if each.endpoint.product]
    chosen = [each for each in found if each.endpoint.id == place]
    if chosen:
        return chosen[0]
    return found[0] if len(found) == 1 else None


def answer_of(checked: Sequence[Checked], endpoint: EndpointRow) -> tuple[Answer, Checked] | None:
    """Return what an endpoint said last, with the check that asked it, or None."""
    for check in reversed(checked):
        for answer in check.answers:
            if answer.endpoint == endpoint:
                return answer, check
    return None


def verdict_of(checked: Sequence[Checked], endpoint: EndpointRow) -> Verdict | None:
    """Return what an endpoint last said of the key, or None if it was not asked."""
    found = answer_of(checked, endpoint)
    return found[0].verdict if found else None


def host_of(endpoint: EndpointRow) -> str:
    """Return the host that an endpoint is known by, with its port if it has one of its own."""
    return urlsplit(endpoint.base_urls[0][1]).netloc


def place_words(endpoint: EndpointRow) -> str:
    """Return an endpoint's host and the region it is in: `api.kimi.com (mainland)`."""
    return f"{host_of(endpoint)} ({endpoint.region})" if endpoint.region else host_of(endpoint)


def answer_lines(checked: Checked) -> list[str]:
    """Return a line for each endpoint that was asked: its host and what it said."""
    hosts = [host_of(each.endpoint) for each in checked.answers]
    width = max(map(len, hosts))
    labels = ["asked", *([""] * len(hosts))]
    return [
        f"  {label:<5}  {host:<{width}}  {answer_words(answer)}"
        for label, host, answer in zip(labels, hosts, checked.answers, strict=False)
    ]


def answer_words(answer: Answer) -> str:
    """Return what an endpoint said of the key: its models, or why there are none."""
    error = answer.error
    match answer.verdict:
        case Verdict.ACCEPTED:
            said = f"accepted the key, and said: {_message(error)}"
            words = said if error else f"accepted: {_ids(answer)}"
        case Verdict.REFUSED:
            words = (
                "not this key" if isinstance(error, KeyRefused) else f"refused: {_message(error)}"
            )
        case Verdict.UNREACHED:
            told = isinstance(error, ProviderError)
            words = f"{'does not tell' if told else 'could not be asked'}: {_message(error)}"
    return words


def _message(error: HermesError | None) -> str:
    return error.message if error else ""


def _ids(answer: Answer) -> str:
    ids = [model.id for model in answer.models]
    if not ids:
        return "it lists no models"
    more = f" and {len(ids) - _MOST_IDS} more" if len(ids) > _MOST_IDS else ""
    return ", ".join(ids[:_MOST_IDS]) + more


def proof_sentence(answer: Answer, at: str) -> str:
    """
    Return what an endpoint's answer has proven of a key, and when, or why nothing is.

    `at` is the ISO time of the answer; the sentence has the local hour and minute.
    """
    host = host_of(answer.endpoint)
    clock = f"{datetime.fromisoformat(at).astimezone():%H:%M}"
    match answer.verdict:
        case Verdict.ACCEPTED if answer.error is not None:
            return f"{host} took this key at {clock}, and said: {answer.error.message}"
        case Verdict.ACCEPTED:
            count = len(answer.models)
            models = f"{count} model{'' if count == 1 else 's'}"
            proof = "that proves the key, not funds or quota"
            return f"{host} listed {models} for this key at {clock}; {proof}."
        case Verdict.REFUSED:
            return f"{host} did not take this key at {clock}. {_message(answer.error)}"
        case Verdict.UNREACHED:
            told = isinstance(answer.error, ProviderError)
            why = "does not tell whether it takes this key" if told else "could not be asked"
            return (
                f"Not checked yet: {host} {why}. {_message(answer.error)} It is verified with "
                "your first prompt."
            )


def refusal(
    checked: Checked, unasked: Sequence[EndpointRow], *, probe: str, again: str
) -> ProviderError:
    """
    Return the error of a key on entry that everybody who was asked has refused.

    The other arguments are those of `refusal_remedy`.
    """
    remedy = refusal_remedy(checked, unasked, probe=probe, again=again)
    error = refused_by_all(checked, remedy)
    return type(error)(f"{error.message} Nothing was saved.", remedy=remedy, status=error.status)


def refusal_remedy(
    checked: Checked, unasked: Sequence[EndpointRow], *, probe: str, again: str
) -> str:
    """
    Return which region or product a refused key may belong to, and the next command.

    `unasked` are the endpoints of the key's product that were not asked, `probe` is the command
    that asks them too, and `again` the one that takes another key.
    """
    first = checked.answers[0]
    if not isinstance(first.error, KeyRefused):
        return first.error.remedy if first.error else ""
    provider, endpoint = first.route.provider.value, first.endpoint
    if unasked:
        hosts = " and ".join(place_words(each) for each in unasked)
        return f"A key of another region looks the same: `{probe}` asks {hosts} too."
    if not endpoint.product or len(provider.endpoints) == 1:
        console = f"Keys are issued at {endpoint.console}. " if endpoint.console else ""
        return f"{console}`{again}` takes another key."
    asked = provider.of_product(endpoint.product)
    consoles = " and ".join(dict.fromkeys(each.console for each in asked if each.console))
    return (
        f"{_marks(provider, endpoint)}{endpoint.product} keys are issued at {consoles}; "
        f"`{again}` takes another."
    )


def _marks(provider: ProviderRow, endpoint: EndpointRow) -> str:
    """Return what a key's beginning says of the product that it belongs to."""
    if endpoint.key_prefix:
        return f"Only {endpoint.product} keys begin with {endpoint.key_prefix}. "
    marked = {each.key_prefix: each.product for each in provider.endpoints if each.key_prefix}
    marks = " and ".join(f"{name} keys with {prefix}" for prefix, name in marked.items())
    return f"Other vendors' keys may begin like this one, {marks}. " if marks else ""
