"""The exceptions of a request to the provider, one family.

CloudError
├── InvalidInput            nothing was sent: a segment, an id or the base address is not valid
│   └── InvalidKey          nothing was sent: the API key has characters that a header cannot contain
├── Unreachable             no connection: unknown name, refused, no route            (retryable)
│   ├── Interrupted         the connection ended before the reply was complete        (retryable)
│   └── ProxyFailed         the proxy cannot be reached, or cannot reach the provider (retryable)
│       └── ProxyRefused    the proxy needs credentials, refuses the tunnel, or cannot be trusted
├── TimedOut                no answer in time, or the budget is used up               (retryable)
├── Untrusted               the certificate cannot be trusted
├── Refused                 401, 403: the key is refused
├── NotFound                404
├── RateLimited             429                                                       (retryable)
├── Unavailable             5xx, 408, 425                                             (retryable)
├── Rejected                any other 4xx, and a success that carries `errors`
├── Redirected              3xx: never followed, because the key would be sent along
├── TooLarge                the body is larger than the cap
└── Unreadable              not JSON, not the expected envelope, status or encoding
    └── MismatchedReply     the body is about another id than the one asked for

Every sentence is a constant without values, so that it can be a message id for translation.
"""

from typing import ClassVar

UNKNOWN_ADDRESS = "The provider does not know this address."
UNKNOWN_ENVIRONMENT = "The provider does not know this environment."
UNKNOWN_SNAPSHOT = "The provider does not know this snapshot."
UNKNOWN_VOLUME = "The provider does not know this volume."
UNKNOWN_HOST = "The address of the provider cannot be found."
UNKNOWN_PROXY = "The address of the proxy cannot be found."
PROXY_NOT_IN_TIME = "The proxy did not answer in time."
PROXY_NOT_TRUSTED = "The proxy's certificate cannot be trusted."
PROXY_HAS_NO_WAY = "The proxy could not connect us to the provider."
PROXY_ASKS_WHO = "The proxy asks for another user name and password."
BUNDLE_NOT_READ = "The file of trusted certificates cannot be read."
KEY_NOT_ACCEPTED = "The provider does not accept this API key."
KEY_NOT_ALLOWED = "The provider rejected this API key: it is not valid, or it may not see this."


class CloudError(Exception):
    """A failed call. `str()` is the sentence; neither it nor any attribute contains the key.

    Attributes:
        kind: the fault's name for machines (metrics, stored state).
        retryable: whether the same request may succeed a moment later.
        sentence: what happened, for people.
        status: the HTTP status, None if no reply came.
        code: the provider's `code` or `errorCode` as text, "" if none.
        detail: the provider's own message, cleaned and cut to 200 characters, "" if none.
        retry_after: seconds to wait by the provider's Retry-After (at most 900), None without one.
    """

    kind: ClassVar[str] = "cloud"
    retryable: ClassVar[bool] = False
    default_sentence: ClassVar[str] = "The provider could not be asked."

    def __init__(
        self,
        sentence: str = "",
        *,
        status: int | None = None,
        code: str = "",
        detail: str = "",
        retry_after: float | None = None,
    ) -> None:
        self.sentence = sentence or self.default_sentence
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        super().__init__(self.sentence)


class InvalidInput(CloudError):
    kind = "invalid_input"
    default_sentence = "This is not a valid address of the provider."


class InvalidKey(InvalidInput):
    kind = "invalid_key"
    default_sentence = "The API key is not valid: 1 to 256 letters, digits and punctuation characters, without spaces."


class Unreachable(CloudError):
    kind = "unreachable"
    retryable = True
    default_sentence = "The provider cannot be reached."


class Interrupted(Unreachable):
    kind = "interrupted"
    default_sentence = "The connection broke before the whole answer had come."


class ProxyFailed(Unreachable):
    kind = "proxy"
    default_sentence = "The proxy cannot be reached."


class ProxyRefused(ProxyFailed):
    kind = "proxy_refused"
    retryable = False
    default_sentence = "The proxy does not let us through to the provider."


class TimedOut(CloudError):
    kind = "timeout"
    retryable = True
    default_sentence = "The provider did not answer in time."


class Untrusted(CloudError):
    kind = "tls"
    default_sentence = "The provider's certificate cannot be trusted."


class Refused(CloudError):
    kind = "refused"
    default_sentence = KEY_NOT_ALLOWED


class NotFound(CloudError):
    kind = "not_found"
    default_sentence = UNKNOWN_ADDRESS


class RateLimited(CloudError):
    kind = "rate_limited"
    retryable = True
    default_sentence = "The provider asks us to call less often."


class Unavailable(CloudError):
    kind = "unavailable"
    retryable = True
    default_sentence = "The provider is not available at the moment."


class Rejected(CloudError):
    kind = "rejected"
    default_sentence = "The provider answered with an error."


class Redirected(CloudError):
    kind = "redirect"
    default_sentence = "The provider sent us to another address, which we do not follow."


class TooLarge(CloudError):
    kind = "too_large"
    default_sentence = "The provider's answer is too large."


class Unreadable(CloudError):
    kind = "unreadable"
    default_sentence = "The provider's answer was not understood."


class MismatchedReply(Unreadable):
    kind = "mismatched"
    default_sentence = "The provider answered about another id than the one asked for."
