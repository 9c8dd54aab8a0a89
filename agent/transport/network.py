"""How requests leave this machine: proxy, certificates, time limits; values only."""

import msgspec


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """
    The way out for one host.

    `proxy_url` is empty for a direct connection; it may hold a password and is shown
    only without it. `proxy_origin` names the variable it came from. `addresses` are where the
    host is, tried in order, for whoever has looked at them before; without them its name is
    looked up. Times are in seconds.
    """

    proxy_url: str = ""
    proxy_origin: str = ""
    certificate_file: str = ""
    certificate_dir: str = ""
    addresses: tuple[str, ...] = ()
    connect_seconds: float = 5.0
    silence_seconds: float = 180.0
