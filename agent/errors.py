"""
Every failure a user can meet, as one tree; each class says who must act.

    HermesError                    exit 1   something failed; the message says what
    ├── UsageError                 exit 2   the command line is wrong
    │   └── UnknownModel           exit 2   the endpoint is known not to have this model id
    ├── ConfigurationError         exit 3   a file, variable or setting is wrong
    │   ├── AuthError              exit 3   no key, or a key that cannot be one of this provider
    │   ├── BrokenFile             exit 3   a file of ours cannot be read or parsed
    │   │   └── CorruptFile        exit 3   our SQLite file is damaged, or is none
    │   ├── EgressRefused          exit 3   a key may not go to this host
    │   └── LocalModelMissing      exit 3   the embedded model is not installed
    ├── ProviderError              exit 4   the endpoint answered, and refused
    │   ├── KeyRefused             exit 4   401: the key, or what the key may use
    │   │   ├── KeyOfOtherProduct  exit 4   401: a key of the vendor's other product
    │   │   └── KeyOfOtherRegion   exit 4   401: a key of the product's other region
    │   ├── AccessRefused          exit 4   403: no permission, or a reason nobody told
    │   │   ├── EntitlementRefused exit 4   401: the key is taken, its plan lacks the model
    │   │   ├── MembershipMissing  exit 4   402: no active membership
    │   │   └── Banned             exit 4   403: the account's access was ended
    │   ├── IdentityRefused        exit 4   403: the endpoint does not take this client's name
    │   ├── NotFound               exit 4   404: the model or the path
    │   │   ├── ModelNotFound      exit 4   404, 401: the endpoint does not know the model id
    │   │   │   └── DeadModel      exit 4   404, 401: it did, until a day that is known
    │   │   └── WrongPath          exit 4   404: nothing is at this path
    │   ├── RequestRefused         exit 4   other 4xx: the request itself
    │   │   ├── ContextOverflow    exit 4   400: longer than the model's window
    │   │   ├── ReasoningMissing   exit 4   400: the model's earlier reasoning is wanted back
    │   │   ├── SchemaRefused      exit 4   400: a schema outside the endpoint's dialect
    │   │   ├── RequestTooLarge    exit 4   400, 413: more bytes than are taken
    │   │   └── ContentFiltered    exit 4   400: the text is considered high risk
    │   ├── QuotaExhausted         exit 4   no quota left in a window of the plan; never retried
    │   │   └── EmptyBalance       exit 4   429: no money left in the account; never retried
    │   ├── RateLimited            exit 4   429, for a while
    │   │   ├── ConcurrencyReached exit 4   403, 429: too many requests at once
    │   │   └── Overloaded         exit 4   429: the model's engine is busy
    │   └── ServerFailed           exit 4   5xx, 408, 409, 499, or an error inside a stream
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

    `another_key_helps` says that the limit is the key's own: the same request may succeed
    with another key of the same provider. `another_route_helps` says that it may succeed at
    another provider, and `another_model_helps` that it may at the same endpoint with the same
    key, if it names another model. All are False where the request itself is at fault.
    """

    exit_code: int = 1
    retryable: bool = False
    another_key_helps: bool = False
    another_route_helps: bool = False
    another_model_helps: bool = False

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


class CorruptFile(BrokenFile):
    """Our SQLite file is damaged, or is no database; it was left untouched."""


class EgressRefused(ConfigurationError):
    """A key may not go to this host; nothing was sent."""


class LocalModelMissing(ConfigurationError):
    """The embedded model or its runtime is not installed."""


class ProviderError(HermesError):
    """
    The endpoint answered and refused.

    `status` is the HTTP status, 0 for an error inside a stream that began with 200.
    `said` is the endpoint's own text, `kind` its error type, `request_id` its id for
    the request; each may be empty. `retry_after_seconds` is the wait it asked for, if it
    did. `row` is the id of the row in `agent.atlas` that knew the answer.
    """

    exit_code = 4
    retry_after_seconds: float | None = None
    row: str = ""

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

    another_route_helps = True


class KeyOfOtherProduct(KeyRefused):
    """The key belongs to another product of the same vendor, and neither takes the other's."""


class KeyOfOtherRegion(KeyRefused):
    """The key belongs to the same product in another region, and neither takes the other's."""


class AccessRefused(ProviderError):
    """The endpoint refused access for another reason than the key itself or our name."""

    another_route_helps = True


class EntitlementRefused(AccessRefused):
    """The key is good and its plan does not have this model, or not so much of it."""

    another_model_helps = True


class MembershipMissing(AccessRefused):
    """The endpoint could not find an active membership behind the key."""


class Banned(AccessRefused):
    """The endpoint has ended this account's access; asking again does not help."""


class IdentityRefused(ProviderError):
    """The endpoint answered 403 because it does not take this client's name on this path."""

    another_route_helps = True


class NotFound(ProviderError):
    """The endpoint answered 404: no such model for this key, or no such path."""


class ModelNotFound(NotFound):
    """The endpoint does not know the model id, or not for this key."""

    another_route_helps = True
    another_model_helps = True


class DeadModel(ModelNotFound):
    """The model id was closed on a day that a row knows."""


class WrongPath(NotFound):
    """Nothing is at this path; most often `/v1` is in the base URL twice, or missing."""


class RequestRefused(ProviderError):
    """
    The endpoint answered another 4xx: the request itself is at fault.

    `field` names the field of the request, in the wire's own words; empty if nobody knows.
    """

    field: str = ""


class ContextOverflow(RequestRefused):
    """
    The conversation is longer than the model's window.

    `tokens` is the window it named, `requested` what was asked for; each 0 if untold.
    """

    tokens: int = 0
    requested: int = 0


class ReasoningMissing(RequestRefused):
    """The endpoint wants the reasoning of an earlier answer back, which never came or was lost."""


class SchemaRefused(RequestRefused):
    """A schema is outside the endpoint's dialect; `path` is where, dotted, or empty."""

    path: str = ""


class RequestTooLarge(RequestRefused):
    """The request has more bytes than the endpoint takes, whatever its tokens."""


class ContentFiltered(RequestRefused):
    """The endpoint considers the text high risk; asking again does not help."""


class QuotaExhausted(ProviderError):
    """The quota of a window is used up; asking again does not help before it ends."""

    another_key_helps = True
    another_route_helps = True


class EmptyBalance(QuotaExhausted):
    """The account's balance is used up; asking again does not help before it is topped up."""


class RateLimited(ProviderError):
    """The endpoint will take more later; `retry_after_seconds` is what it asked for, if it did."""

    retryable = True
    another_key_helps = True
    another_route_helps = True


class ConcurrencyReached(RateLimited):
    """As many requests as are allowed are under way; one more may go when one has ended."""


class Overloaded(RateLimited):
    """The engine is busy, whoever asks; a plan's limit has been seen to pose as this."""

    another_key_helps = False
    another_model_helps = True


class ServerFailed(ProviderError):
    """The endpoint failed, with a 5xx or inside a stream; the request is not at fault."""

    retryable = True
    another_route_helps = True
    another_model_helps = True


class NetworkError(HermesError):
    """No answer came, or not all of it; the key is not at fault."""

    exit_code = 5
    another_route_helps = True


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
