"""The way to an endpoint, step by step, as the one request to it told: proxy, DNS, TCP, TLS."""

import ssl
import sys
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from agent.base_url import hide_password
from agent.errors import (
    ConfigurationError,
    ConnectionRefused,
    ConnectTimedOut,
    HermesError,
    NameNotResolved,
    NetworkError,
    ProxyFailed,
    TlsFailed,
)
from hermes_cli.doctor.asking import Asked
from hermes_cli.doctor.findings import Finding, failed, found, skipped, warned

LARGEST_SKEW = timedelta(minutes=5)
"""How far our clock may be off: certificates and resets are told by it."""

FEWEST_DAYS = 14
"""How many days a certificate should have left: most are renewed a month before their end."""

_FAILS_AT: tuple[tuple[type[HermesError], str], ...] = (
    (ProxyFailed, "proxy"),
    (NameNotResolved, "DNS"),
    (ConnectionRefused, "connection"),
    (ConnectTimedOut, "connection"),
    (TlsFailed, "certificate"),
    (ConfigurationError, "way out"),
    (NetworkError, "answer"),
)


def look_at_network(asked: Asked) -> list[Finding]:
    """Return each step that was taken to the endpoint, up to the one that failed."""
    error = asked.answer.error
    endpoint = asked.route.chat_base_url
    fails_at = next((step for kind, step in _FAILS_AT if isinstance(error, kind)), "")
    findings: list[Finding] = []
    for step in _steps(asked) if fails_at != "way out" else ():
        if step == fails_at:
            break
        if step != "answer":
            findings.append(_taken(step, asked))
    if fails_at and error is not None:
        rest = skipped("network", "the rest", "was not reached", endpoint=endpoint)
        return [*findings, failed("network", fails_at, error, endpoint=endpoint), rest]
    return [*findings, look_at_clock(asked)]


def _steps(asked: Asked) -> list[str]:
    """Return the steps of this way out: a proxy looks names up, plain http has no certificate."""
    proxied = asked.network is not None and asked.network.proxy_url
    secure = urlsplit(asked.route.models_url).scheme == "https"
    steps = ["proxy"] if proxied else ["proxy", "DNS"]
    return [*steps, "connection", *(["certificate"] if secure else []), "answer"]


def _taken(step: str, asked: Asked) -> Finding:
    """Return a step that was taken."""
    endpoint = asked.route.chat_base_url
    if step == "certificate":
        return certificate_finding(asked.head.certificate, asked.at, endpoint=endpoint)
    return found("network", step, _words(step, asked), endpoint=endpoint)


def _words(step: str, asked: Asked) -> str:
    parts = urlsplit(asked.route.models_url)
    network = asked.network
    proxied = bool(network and network.proxy_url)
    if step == "proxy":
        if network is None or not proxied:
            return f"none for {asked.host}"
        return f"{hide_password(network.proxy_url)} from {network.proxy_origin}"
    if step == "DNS":
        address = asked.head.address
        return f"{asked.host} is {address}" if address else f"{asked.host} has an address"
    port = "" if parts.port else f":{443 if parts.scheme == 'https' else 80}"
    through = " through the proxy" if proxied else ""
    took = f", answered in {asked.seconds:.2f} s" if asked.reached else ""
    return f"{parts.netloc}{port}{through}{took}"


def certificate_finding(shown: Any, now: datetime, *, endpoint: str) -> Finding:
    """Return whose certificate was shown, as `ssl` tells it, and until when it holds."""
    if not shown:
        return skipped("network", "certificate", "nobody told its days", endpoint=endpoint)
    names = [name for kind, name in shown.get("subjectAltName", ()) if kind != "othername"]
    told = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    end = datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), UTC)
    sentence = f"for {told or 'no name'}, until {end:%Y-%m-%d}"
    if end - now < timedelta(days=FEWEST_DAYS):
        days = max((end - now).days, 0)
        return warned(
            "network",
            "certificate",
            f"It ends in {days} day{'' if days == 1 else 's'}: {sentence}. Whoever runs the "
            "endpoint, or the proxy before it, has to renew it.",
            "`hermes doctor` tells whether it was renewed.",
            endpoint=endpoint,
        )
    return found("network", "certificate", sentence, endpoint=endpoint)


def look_at_clock(asked: Asked) -> Finding:
    """Return how far our clock is from the endpoint's, as the head of its answer tells it."""
    endpoint = asked.route.chat_base_url
    try:
        theirs = parsedate_to_datetime(asked.head.date)
    except ValueError:
        return skipped("network", "clock", f"{asked.host} did not tell its own", endpoint=endpoint)
    theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
    skew = asked.at - theirs
    if abs(skew) <= LARGEST_SKEW:
        told = f"as {asked.host}'s, to {max(round(abs(skew).total_seconds()), 1)} s"
        return found("network", "clock", told, endpoint=endpoint)
    ahead = "ahead of" if skew > timedelta() else "behind"
    return warned(
        "network",
        "clock",
        f"This machine's clock is {_span(abs(skew))} {ahead} {asked.host}'s: certificates and the "
        "times of resets are judged by it.",
        _CLOCK_REMEDIES.get(sys.platform, "`timedatectl` shows whether the network sets it."),
        endpoint=endpoint,
    )


_CLOCK_REMEDIES = {
    "win32": "`w32tm /resync` sets it.",
    "darwin": "`sudo sntp -sS time.apple.com` sets it.",
}


def _span(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
