"""The last look before a byte leaves: where a request goes, and whether its key may go along."""

from urllib.parse import SplitResult

from agent.base_url import check_url
from agent.keys import ApiKey


def permit(
    url: str, key: ApiKey | None, key_header: str, *, may_be_plain: bool = False
) -> tuple[SplitResult, str]:
    """
    Return the parts of a request's URL and what its key header carries, empty without a key.

    Raises ConfigurationError for what is no URL of an endpoint, and EgressRefused for
    plain http to another machine and for a host that the key may not see. `may_be_plain`
    allows plain http, but never with a key.
    """
    parts = check_url(url, may_be_plain=may_be_plain and key is None)
    return parts, "" if key is None else key.header_value(key_header, parts.hostname or "")
