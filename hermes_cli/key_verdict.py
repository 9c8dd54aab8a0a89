"""What a check of a key found: as lines for a person, and as JSON; never the key."""

from datetime import UTC, datetime
from enum import Enum
from typing import Any

import msgspec

from agent.catalog.rows import EndpointRow
from agent.errors import HermesError
from agent.route import Route
from agent.usage import Balance, PlanUsage
from hermes_cli.answers import answer_words, host_of, proof_sentence
from hermes_cli.check import Answer, Checked
from hermes_cli.report import aligned, error_document, key_document
from hermes_cli.ui.usage_lines import left_warnings, left_words


class Judgement(Enum):
    """What a check found, in the words of `--json`."""

    MALFORMED = "malformed"
    FOREIGN = "another vendor's"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    USED_UP = "out of quota"
    UNREACHED = "could not be asked"


EXIT_CODES = {
    Judgement.MALFORMED: 3,
    Judgement.FOREIGN: 3,
    Judgement.ACCEPTED: 0,
    Judgement.REFUSED: 4,
    Judgement.USED_UP: 4,
    Judgement.UNREACHED: 5,
}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is known of a key after a check.

    `route` is where the rule sends it, `unasked` are the other endpoints it could belong to,
    `left` is what the endpoint that took it told of quota or balance, or why it did not;
    each is None, or empty, where it did not come to that. `error` says what is wrong.
    """

    judgement: Judgement
    route: Route | None = None
    checked: Checked | None = None
    unasked: tuple[EndpointRow, ...] = ()
    left: PlanUsage | Balance | HermesError | None = None
    error: HermesError | None = None

    @property
    def accepted(self) -> tuple[Answer, ...]:
        """Who took the key."""
        return self.checked.accepted if self.checked else ()

    @property
    def region(self) -> str:
        """The region that took the key; empty if none did, or more than one."""
        return self.accepted[0].endpoint.region if len(self.accepted) == 1 else ""


def lines(outcome: Outcome) -> list[str]:
    """Return what was found, a line each, the verdict last; never the key."""
    route, checked = outcome.route, outcome.checked
    if route is None or route.key is None or checked is None:
        return [f"Verdict: {outcome.judgement.value}."]
    why = f": {route.base_url.why}" if route.base_url.why and route.key_product else ""
    told = [("Key", route.key.value.fingerprint), ("Product", f"{route.endpoint.product}{why}")]
    if route.endpoint.region:
        told.append(("Region", _region_words(outcome)))
    told += [(host_of(each.endpoint), answer_words(each)) for each in checked.answers]
    told += [(host_of(row), "not asked") for row in outcome.unasked]
    if outcome.left is not None:
        told.append(("Left", _left_words(outcome, outcome.accepted[0].endpoint)))
    return [*aligned([pair for pair in told if pair[1]]), *_verdict_lines(outcome, checked)]


def _region_words(outcome: Outcome) -> str:
    taken = [answer.endpoint.region for answer in outcome.accepted]
    if len(taken) > 1:
        return f"{' and '.join(taken)}: both take it"
    return taken[0] if taken else "not known"


def _left_words(outcome: Outcome, endpoint: EndpointRow) -> str:
    if isinstance(outcome.left, PlanUsage | Balance):
        return left_words(outcome.left, endpoint.balance_currency, now=datetime.now(UTC))
    return f"not told: {outcome.left.message}" if outcome.left is not None else ""


def _verdict_lines(outcome: Outcome, checked: Checked) -> list[str]:
    """Return the verdict, and what was proven when."""
    proofs = [proof_sentence(answer, checked.at) for answer in outcome.accepted]
    return [" ".join((f"Verdict: {outcome.judgement.value}.", *proofs, "Nothing was stored."))]


def document(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome for JSON, as docs/json.md has it."""
    route, checked = outcome.route, outcome.checked
    provider = route.provider.value if route else None
    answers = [_answer_document(answer) for answer in (checked.answers if checked else ())]
    unasked = [_endpoint_document(row) for row in outcome.unasked]
    return {
        "verdict": outcome.judgement.value,
        "exit_code": EXIT_CODES[outcome.judgement],
        "key": key_document(route.key.value) if route and route.key else None,
        "provider": {"id": provider.id, "name": provider.name} if provider else None,
        "product": route.endpoint.product if route else "",
        "region": outcome.region or None,
        "asked_at": checked.at if checked else None,
        "endpoints": answers + unasked,
        "left": _left_document(outcome),
        "error": error_document(outcome.error),
    }


def _endpoint_document(row: EndpointRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "region": row.region,
        "base_url": row.base_urls[0][1],
        "verdict": "not asked",
        "models": [],
        "error": None,
    }


def _answer_document(answer: Answer) -> dict[str, Any]:
    return {
        **_endpoint_document(answer.endpoint),
        "verdict": answer.verdict.value,
        "models": [model.id for model in answer.models],
        "error": error_document(answer.error),
    }


def _left_document(outcome: Outcome) -> dict[str, Any] | None:
    left = outcome.left
    if left is None:
        return None
    endpoint = outcome.accepted[0].endpoint
    is_told = isinstance(left, PlanUsage | Balance)
    return {
        "endpoint": endpoint.id,
        "text": _left_words(outcome, endpoint) if is_told else "",
        "warnings": left_warnings(endpoint, left) if isinstance(left, PlanUsage | Balance) else [],
        "error": error_document(left) if isinstance(left, HermesError) else None,
    }
