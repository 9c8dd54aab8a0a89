"""
Every failure a user can meet, as one tree; each class says who must act.

    HermesError                    exit 1   something failed; the message says what
    ├── UsageError                 exit 2   the command line is wrong
    │   └── UnknownModel           exit 2   the endpoint is known not to have this model id
    ├── ConfigurationError         exit 3   a file, variable or setting is wrong
    │   ├── AuthError              exit 3   no key, or a key that cannot be one of this provider
    │   ├── BrokenFile             exit 3   a file of ours cannot be read or parsed
    │   ├── EgressRefused          exit 3   a key may not go to this host
    │   └── LocalModelMissing      exit 3   the embedded model is not installed
    ├── ProviderError              exit 4   the endpoint answered, and refused
    │   ├── KeyRefused             exit 4   401: the key, or what the key may use
    │   ├── AccessRefused          exit 4   403: quota, ban, region, no permission
    │   ├── IdentityRefused        exit 4   403: the endpoint does not take this client's name
    │   ├── NotFound               exit 4   404: the model or the path
    │   ├── RequestRefused         exit 4   other 4xx: the request itself
    │   ├── QuotaExhausted         exit 4   no balance or no quota left; never retried
    │   ├── RateLimited            exit 4   429, for a while
    │   └── ServerFailed           exit 4   5xx, or an error inside a stream
    └── NetworkError               exit 5   no answer came, or not all of it
        ├── NameNotResolved        exit 5   DNS has no such host
        ├── ConnectionRefused      exit 5   nobody listens, or no way there
        ├── TlsFailed              exit 5   the certificate or the handshake
        ├── ProxyFailed            exit 5   the proxy, not the endpoint
        ├── ConnectTimedOut        exit 5   no connection in time
        ├── AnswerSilent           exit 5   connected, then silence
        └── AnswerCutShort         exit 5   the stream ended before its end

An interrupt (Ctrl-C) is no error of ours: it leaves with 130.
"""


class HermesError(Exception):
    """
    A failure with a sentence for the user and, where one helps, the next command.

    `message` is one or more whole sentences and never holds a key. `remedy` is a
    sentence too, with the command in backquotes, or empty. `exit_code` is what the
    process ends with. `retryable` says that the same request may succeed later.
    """

    exit_code: int = 1
    retryable: bool = False

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class UsageError(HermesError):
    """The command line asks for something that does not exist or contradicts itself."""

    exit_code = 2


class UnknownModel(UsageError):
    """The endpoint of this Route is known not to have the model id; nothing was sent."""


class ConfigurationError(HermesError):
    """A file, an environment variable or a setting is missing or wrong."""

    exit_code = 3


class AuthError(ConfigurationError):
    """No key where one is needed, a key of another vendor, or an unknown provider."""


class BrokenFile(ConfigurationError):
    """A file of ours cannot be read or parsed; it was left untouched."""


class EgressRefused(ConfigurationError):
    """A key may not go to this host; nothing was sent."""


class LocalModelMissing(ConfigurationError):
    """The embedded model or its runtime is not installed."""


class ProviderError(HermesError):
    """
    The endpoint answered and refused.

    `status` is the HTTP status, 0 for an error inside a stream that began with 200.
    `said` is the endpoint's own text, `kind` its error type, `request_id` its id for
    the request; each may be empty.
    """

    exit_code = 4

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        status: int = 0,
        said: str = "",
        kind: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status
        self.said = said
        self.kind = kind
        self.request_id = request_id


class KeyRefused(ProviderError):
    """The endpoint answered 401: to the key, or to what the key may use."""


class AccessRefused(ProviderError):
    """The endpoint answered 403 for another reason than our name."""


class IdentityRefused(ProviderError):
    """The endpoint answered 403 because it does not take this client's name on this path."""


class NotFound(ProviderError):
    """The endpoint answered 404: no such model for this key, or no such path."""


class RequestRefused(ProviderError):
    """The endpoint answered another 4xx: the request itself is at fault."""


class QuotaExhausted(ProviderError):
    """The plan's quota or the account's balance is used up; asking again does not help."""


class RateLimited(ProviderError):
    """The endpoint answered 429 and will take more later."""

    retryable = True


class ServerFailed(ProviderError):
    """The endpoint answered 5xx, or sent an error object inside a stream."""

    retryable = True


class NetworkError(HermesError):
    """No answer came, or not all of it; the key is not at fault."""

    exit_code = 5


class NameNotResolved(NetworkError):
    """DNS has no address for the host."""


class ConnectionRefused(NetworkError):
    """Nobody listens at the address, or there is no way there."""


class TlsFailed(NetworkError):
    """The TLS handshake failed, most often over the certificate."""


class ProxyFailed(NetworkError):
    """The proxy could not be reached or refused to connect us."""


class ConnectTimedOut(NetworkError):
    """No connection was made within the time limit."""

    retryable = True


class AnswerSilent(NetworkError):
    """The connection stood, and nothing came over it within the time limit."""

    retryable = True


class AnswerCutShort(NetworkError):
    """The stream ended before its end; what came was kept."""

    retryable = True
