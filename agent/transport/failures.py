"""A broken connection → the error that names its layer; no I/O, no HTTP library."""

import os
import socket
import ssl
from collections.abc import Iterator
from enum import Enum
from urllib.parse import urlsplit

import msgspec

from agent.errors import (
    AnswerCutShort,
    AnswerSilent,
    ConnectionRefused,
    ConnectTimedOut,
    NameNotResolved,
    NetworkError,
    ProxyFailed,
    TlsFailed,
)
from agent.transport.network import Network

_EXPLAIN = "`hermes explain` shows the address and where it comes from."
_EXPLAIN_PROXY = "`hermes explain` shows the proxy and where it comes from."
_ASK_AGAIN = "Ask again; `hermes chat --debug` shows what is sent and what comes back."


class Layer(Enum):
    """How far a request had come when it failed."""

    PROXY = "reaching the proxy, or asking it to connect us"
    TCP = "finding and reaching the endpoint"
    TLS = "agreeing on a secret with the endpoint"
    HEAD = "waiting for the endpoint's answer"
    BODY = "reading the answer"


class Failure(msgspec.Struct, frozen=True):
    """
    What is known about a failure.

    `error` is the library's exception, whose causes are searched; `timed_out` says that
    a limit of ours ended the wait; `target` is the endpoint as `host:port`.
    """

    error: BaseException
    layer: Layer
    timed_out: bool
    target: str
    network: Network


def named(failure: Failure) -> NetworkError:
    """
    Return the error for a failure: what happened, at which layer, and the next command.

    A wrong certificate in the middle of an answer is still a TLS error, whatever the
    layer; everything before the tunnel stands is the proxy's. No message holds a key
    or a proxy's password.
    """
    if failure.layer is Layer.PROXY:
        return _proxy_failed(failure)
    if failure.layer is Layer.TLS or _first(failure.error, ssl.SSLError) is not None:
        return _tls_failed(failure)
    if failure.layer is Layer.TCP:
        return _not_connected(failure)
    return _no_answer(failure)


def own_words(error: BaseException) -> str:
    """
    Return what the system or a library says about an error, without our framing.

    The deepest cause that came from the system knows best: `Connection refused` rather
    than `All connection attempts failed`. Without one, the library speaks for itself.
    """
    system = [cause for cause in _causes(error) if isinstance(cause, OSError)]
    words = [text for text in map(_words, system) if text]
    return (words[-1] if words else str(error) or type(error).__name__).rstrip(".")


def proxy_name(proxy_url: str) -> str:
    """Return a proxy as `host:port` without user name and password."""
    parts = urlsplit(proxy_url)
    default = {"http": 80, "https": 443}.get(parts.scheme, 1080)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or default}"


def _proxy_failed(failure: Failure) -> NetworkError:
    network = failure.network
    proxy = f"The proxy {proxy_name(network.proxy_url)}"
    if network.proxy_origin:
        proxy += f" (from {network.proxy_origin})"
    words = own_words(failure.error)
    if failure.timed_out:
        what = f"did not connect us to {failure.target} within {network.connect_seconds:g} s"
    elif _first(failure.error, socket.gaierror) is not None:
        what = f"has a name without an address (DNS: {words})"
    elif _first(failure.error, ssl.SSLError) is not None:
        what = f"could not be trusted (TLS: {words})"
    elif _first(failure.error, OSError) is not None:
        what = f"could not be reached (TCP: {words})"
    else:
        what = f"did not connect us to {failure.target} (proxy: {words})"
    return ProxyFailed(f"{proxy} {what}.", remedy=_EXPLAIN_PROXY)


def _tls_failed(failure: Failure) -> NetworkError:
    if failure.timed_out:
        return ConnectTimedOut(
            f"No secure connection to {failure.target} within "
            f"{failure.network.connect_seconds:g} s (TLS: no answer to the handshake).",
            remedy=_EXPLAIN,
        )
    words = own_words(failure.error)
    if _first(failure.error, ssl.SSLCertVerificationError) is None:
        return TlsFailed(
            f"No secure connection to {failure.target}: the handshake failed (TLS: {words}).",
            remedy=_EXPLAIN,
        )
    trusted = failure.network.certificate_file or failure.network.certificate_dir
    beside = f" with the authorities in {trusted}" if trusted else ""
    return TlsFailed(
        f"The certificate of {failure.target} is not accepted{beside} (TLS: {words}).",
        remedy="If your company signs its own: `export SSL_CERT_FILE=/path/to/authority.pem`; "
        "`hermes explain` shows what is trusted now.",
    )


def _not_connected(failure: Failure) -> NetworkError:
    target, words = failure.target, own_words(failure.error)
    if failure.timed_out:
        return ConnectTimedOut(
            f"No connection to {target} within {failure.network.connect_seconds:g} s "
            "(TCP: no answer).",
            remedy=_EXPLAIN,
        )
    if _first(failure.error, socket.gaierror) is not None:
        host = target.rpartition(":")[0]
        return NameNotResolved(
            f"The name {host} has no address: no network, or a wrong name (DNS: {words}).",
            remedy=_EXPLAIN,
        )
    return ConnectionRefused(f"Nobody answers at {target} (TCP: {words}).", remedy=_EXPLAIN)


def _no_answer(failure: Failure) -> NetworkError:
    if failure.timed_out:
        return AnswerSilent(
            f"Nothing came from {failure.target} for {failure.network.silence_seconds:g} s, "
            "though the connection stands.",
            remedy=_ASK_AGAIN,
        )
    words = own_words(failure.error)
    if failure.layer is Layer.HEAD:
        return AnswerCutShort(
            f"{failure.target} was reached and gave no answer (HTTP: {words}).", remedy=_ASK_AGAIN
        )
    return AnswerCutShort(
        f"The answer of {failure.target} broke off (HTTP: {words}); what came is kept.",
        remedy=_ASK_AGAIN,
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Give an exception and what led to it, into groups too, nearest first."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            waiting.extend(current.exceptions)
        # httpcore2's pool raises `from None`, which hides the cause; the context stays.
        waiting.extend((current.__cause__, current.__context__))


def _first(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    return next((cause for cause in _causes(error) if isinstance(cause, kind)), None)


def _words(error: OSError) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return error.verify_message
        case ssl.SSLError():
            return (error.reason or str(error)).replace("_", " ").lower()
        case socket.gaierror():
            return error.strerror or ""
        case OSError(errno=int(number)):
            return os.strerror(number)
        case _:
            return str(error)
