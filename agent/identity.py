"""Who we are, on every request: our own name and never another client's."""

PRODUCT = "hermes-kimi"
VERSION = "0.1.0"
USER_AGENT = f"{PRODUCT}/{VERSION}"
