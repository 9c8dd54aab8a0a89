"""Everything the doctor looks at, in order; what cannot be looked at is told as such."""

from pathlib import Path

import msgspec
from msgspec.structs import replace

from agent.errors import AuthError, BrokenFile, HermesError
from agent.learnt import Facts, Learnt, LiveList
from agent.route import Route
from hermes_cli.auth import Flags
from hermes_cli.config import Settings, get_hermes_home, get_state_path, read_settings
from hermes_cli.doctor.account import look_at_account, look_at_answer
from hermes_cli.doctor.asking import Asked, ask, can_be_asked, routes_to_ask
from hermes_cli.doctor.files import look_at_files, unread
from hermes_cli.doctor.findings import (
    PARTS,
    PARTS_AROUND,
    Finding,
    Level,
    Part,
    failed,
    of_notice,
    skipped,
)
from hermes_cli.doctor.network import look_at_network
from hermes_cli.doctor.settings import look_at_fallback, look_at_settings
from hermes_cli.doctor.values import (
    look_at_embedded,
    look_at_key,
    look_at_model,
    look_at_route,
)
from hermes_cli.doctor.versions import look_at_versions
from hermes_cli.report import route_to_show


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """
    What was found, sorted by part.

    `route` is the one in use as every command has it, without what was asked just now; None
    if none could be resolved. `settings` are None if they could not be read. `asked` are the
    endpoints that were asked, the one in use first.
    """

    findings: tuple[Finding, ...]
    route: Route | None = None
    settings: Settings | None = None
    asked: tuple[Asked, ...] = ()


def survey(flags: Flags, *, offline: bool, everything: bool) -> Survey:
    """
    Look at everything and return it; only what is asked for leaves the machine.

    With `offline` nobody is asked; with `everything` every provider that has a key. Nothing
    is stored. Raises ConfigurationError only for a home that cannot be one.
    """
    home = get_hermes_home()
    findings = [*look_at_files(home), *look_at_versions()]
    try:
        settings = read_settings()
    except HermesError as error:
        findings += [failed("files", "settings", error), _unlooked("the settings")]
        return Survey(findings=_sorted(findings))
    findings += look_at_settings(settings)
    facts, unreadable = _facts(get_state_path())
    findings += unreadable if not _is_told(get_state_path(), findings) else ()
    try:
        route = route_to_show(flags, settings, facts)
        routes, failures = routes_to_ask(route, flags, settings, facts, everything=everything)
    except HermesError as error:
        part: Part = "key" if isinstance(error, AuthError) else "route"
        findings += [failed(part, part, error), _unlooked("the route")]
        return Survey(findings=_sorted(findings), settings=settings)
    findings += [*look_at_key(route, asked=not offline), *look_at_route(route)]
    findings += look_at_fallback(settings)
    findings += [failed("route", provider, error) for provider, error in failures]
    if route.provider.value.runs_here:
        findings.append(look_at_embedded(settings))
    askable = [each for each in routes if can_be_asked(each)]
    asked = () if offline else ask(askable)
    findings += _offline() if offline else _of_endpoints(asked)
    if not offline and route not in askable:
        findings.append(skipped("network", "the rest", _unasked(route)))
    findings += look_at_model(route_to_show(flags, settings, _with_lists(facts, asked)))
    return Survey(findings=_sorted(findings), route=route, settings=settings, asked=asked)


def _offline() -> list[Finding]:
    """Return what is not looked at without a network."""
    return [
        skipped(
            "network", "connection", "proxy, DNS, TCP, TLS and clock: not looked at, --offline"
        ),
        skipped("endpoint", "answer", "the key and the live list: not asked, --offline"),
        skipped("account", "quota", "what is left: not asked, --offline"),
    ]


def _unasked(route: Route) -> str:
    """Return why the endpoint in use was not asked."""
    if not route.endpoint.lists_models:
        return "not looked at: nobody on the network is asked"
    return "not looked at without a key that may go there"


def _facts(path: Path) -> tuple[Facts, list[Finding]]:
    """Return what was learnt; nothing, and why, where every other command stops at the file."""
    try:
        return Learnt(path).read(), []
    except BrokenFile as error:
        return Facts(), [unread(error)]


def _is_told(path: Path, findings: list[Finding]) -> bool:
    """Say whether looking at the file has found it broken already."""
    subjects = {each.subject for each in findings if each.level is not Level.OK}
    return not subjects.isdisjoint(("database", path.name))


def _unlooked(missing: str) -> Finding:
    return skipped("network", "the rest", f"not looked at without {missing}")


def _of_endpoints(asked: tuple[Asked, ...]) -> list[Finding]:
    findings: list[Finding] = []
    for each in asked:
        findings += [*look_at_network(each), look_at_answer(each), look_at_account(each)]
        if each.answer.notice:
            findings.append(of_notice("endpoint", "model list", each.answer.notice))
    return findings


def _with_lists(facts: Facts, asked: tuple[Asked, ...]) -> Facts:
    """Return the facts with the lists that were just told, so that the resolver judges by them."""
    lists = {
        (each.route.chat_base_url, each.route.key_digest): LiveList(
            each.answer.models, each.at.isoformat(timespec="seconds")
        )
        for each in asked
        if each.answer.models
    }
    return replace(facts, lists={**facts.lists, **lists})


def _sorted(findings: list[Finding]) -> tuple[Finding, ...]:
    """Return the findings by part, those about one endpoint together, the one in use first."""
    endpoints = list(dict.fromkeys(finding.endpoint for finding in findings if finding.endpoint))

    def place(finding: Finding) -> tuple[bool, int, int]:
        group = endpoints.index(finding.endpoint) if finding.endpoint else 0
        return finding.part in PARTS_AROUND, group, PARTS.index(finding.part)

    return tuple(sorted(findings, key=place))


def without(findings: tuple[Finding, ...], mended: list[Finding]) -> tuple[Finding, ...]:
    """Return the findings with those that were mended in order."""
    return tuple(_mended(each) if each in mended else each for each in findings)


def _mended(finding: Finding) -> Finding:
    done = f"mended: {finding.fix.words}" if finding.fix else finding.sentence
    return replace(finding, level=Level.OK, sentence=done, remedy="", fix=None)
