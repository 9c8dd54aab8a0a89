"""Rows for what fails below HTTP: no answer came, or not all of it, and the key is not at fault."""

from agent.atlas.rows import NetworkRow
from agent.errors import (
    AnswerCutShort,
    AnswerSilent,
    ConnectionRefused,
    ConnectTimedOut,
    NameNotResolved,
    ProxyFailed,
    TlsFailed,
)

_OURS = "agent/transport/failures.py; words of other programs"

BELOW_HTTP: tuple[NetworkRow, ...] = (
    # First, since a proxy's failure has one of the others inside.
    NetworkRow(
        id="proxy",
        says=("the proxy ", "(proxy:", "proxyerror", "tunnel connection failed", "socks5"),
        error=ProxyFailed,
        meaning="The proxy could not be reached, or did not connect us",
        remedy="`hermes explain` shows the proxy and the variable it comes from.",
        source=_OURS,
    ),
    NetworkRow(
        id="connect-timeout",
        says=(
            "no connection to",
            "no answer to the handshake",
            "connect timeout",
            "connecttimeout",
            "connection timed out",
            "etimedout",
        ),
        error=ConnectTimedOut,
        meaning="No connection was made within the time limit",
        remedy="Something on the way drops it: `hermes explain` shows the address and the proxy.",
        source=_OURS,
    ),
    NetworkRow(
        id="no-dns",
        says=(
            "(dns:",
            "has no address",
            "name or service not known",
            "temporary failure in name resolution",
            "nodename nor servname",
            "no address associated with hostname",
            "getaddrinfo",
            "enotfound",
            "could not resolve host",
        ),
        error=NameNotResolved,
        meaning="The host's name has no address: no network, or a wrong name",
        remedy="`hermes explain` shows the base URL that holds the name.",
        source=_OURS,
    ),
    NetworkRow(
        id="tls",
        says=(
            "(tls:",
            "certificate_verify_failed",
            "certificate verify failed",
            "self-signed certificate",
            "self signed certificate",
            "unable to get local issuer certificate",
            "wrong_version_number",
            "ssl:",
            "sslerror",
        ),
        error=TlsFailed,
        meaning="The secure connection failed, most often over a certificate",
        remedy="If your company signs its own: `export SSL_CERT_FILE=/path/to/authority.pem`; "
        "`hermes explain` shows what is trusted now.",
        source=_OURS,
    ),
    NetworkRow(
        id="silence",
        says=(
            "though the connection stands",
            "read timed out",
            "read timeout",
            "readtimeout",
            "stream idle timeout",
        ),
        error=AnswerSilent,
        meaning="The connection stood, and nothing came over it within the time limit",
        remedy="Ask again; much thinking can take minutes: `hermes chat --debug` shows what comes.",
        source=_OURS,
    ),
    NetworkRow(
        id="cut-short",
        says=(
            "broke off (http:",
            "was reached and gave no answer",
            "stopped before its end mark",
            "stopped in the middle of an event",
            "connection reset",
            "econnreset",
            "incomplete chunked read",
            "peer closed connection",
            "server disconnected",
            "remoteprotocolerror",
        ),
        error=AnswerCutShort,
        meaning="The answer ended before its end; what came is kept",
        remedy="Ask again; `hermes chat --debug` shows what came.",
        source=_OURS,
    ),
    NetworkRow(
        id="refused",
        says=(
            "nobody answers at",
            "(tcp:",
            "connection refused",
            "econnrefused",
            "network is unreachable",
            "no route to host",
        ),
        error=ConnectionRefused,
        meaning="Nobody listens at the address, or there is no way there",
        remedy="`hermes explain` shows the address and where it comes from.",
        source=_OURS,
    ),
)
"""One row for each class below NetworkError, in the order in which they are tried."""
