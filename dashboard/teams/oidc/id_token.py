"""The OpenID Connect protocol: what we ask the provider, and which of its answers we accept.

Authlib builds the requests and checks the ID token. What it reads of the provider's metadata is checked here first.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlsplit

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client.sync_openid import OpenIDMixin
from authlib.oauth2.auth import ClientAuth, encode_client_secret_basic
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from django.conf import settings
from django.core.exceptions import ValidationError
from django.urls import reverse
from joserfc.errors import JoseError
from joserfc.jwk import import_key

from dashboard.backends.redis_cache import kept
from dashboard.run.check_settings import is_loopback
from dashboard.teams.core.email_addresses import folded
from dashboard.teams.oidc.http import JSONObject, Session, unusable
from dashboard.teams.oidc.state_cookie import Pending

ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
METADATA_SECONDS = 5 * 60
SKEW_SECONDS = 60
# Asymmetric only: with HS256 anyone who knows the client secret could sign, with "none" anyone at all. The provider's
# own list is not used, as Authlib would accept "none" if it were listed.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
# No quotes or angle brackets, which no address needs; a code is one word, because it goes into a form.
ADDRESS = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&()*+,;=%]{1,2000}")
ONE_WORD = re.compile(r"[\x21-\x7e]{1,16000}")
# OpenID Connect Core, section 2: ASCII. The length is the column's; no provider is known to use longer ones.
SUBJECT = re.compile(r"[\x20-\x7e]{1,191}")
# What the libraries raise for hostile tokens and keys. Their texts may quote a token.
FAULTS = (
    *(AuthlibBaseError, JoseError),
    *(ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError),
)

Metadata = dict[str, str]


@dataclass(frozen=True, slots=True)
class Claims:
    """Who somebody is at the provider. `email`: empty unless verified there. `signed_in_at`: seconds, 0 if unknown."""

    subject: str
    email: str
    signed_in_at: int


class Provider(OpenIDMixin, Session):  # type: ignore[misc]
    """Authlib's OpenID Connect client for one sign-in. Raises `SignInProblem`, and `FAULTS` while it reads answers."""

    def __init__(self) -> None:
        super().__init__(
            client_id=settings.OIDC_CLIENT_ID,
            client_secret=settings.OIDC_CLIENT_SECRET.reveal(),
            scope="openid email",
            redirect_uri=callback_url(),
            code_challenge_method="S256",
        )
        self.register_client_auth_method(("client_secret_basic", _basic))
        key = f"oidc-metadata:{settings.OIDC_ISSUER}"
        self.metadata: Metadata = kept(key, Metadata, self._discover, seconds=METADATA_SECONDS, alias="default")
        self.token_endpoint_auth_method = self.metadata["token_endpoint_auth_method"]

    def load_server_metadata(self) -> dict[str, object]:
        return {"id_token_signing_alg_values_supported": ALGORITHMS}

    def fetch_jwk_set(self, force: bool = False) -> JSONObject:
        """Get the keys that sign. Leave out those of unknown kinds: one of them would spoil the others for Authlib."""
        found: Any = self.get(self.metadata["jwks_uri"], withhold_token=True).json()
        return {"keys": [key for key in found["keys"] if _is_signing_key(key)]}

    def _discover(self) -> Metadata:
        issuer: str = settings.OIDC_ISSUER
        document = self.get(get_well_known_url(issuer, external=True), withhold_token=True).json()
        if document.get("issuer") != issuer:
            raise unusable("the provider's issuer is not OIDC_ISSUER")
        methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        posts = isinstance(methods, list) and "client_secret_basic" not in methods
        known = [name for name in ENDPOINTS if name != "userinfo_endpoint" or document.get(name)]
        return {
            "token_endpoint_auth_method": "client_secret_post" if posts else "client_secret_basic",
            **{name: _address(document, name) for name in known},
        }


class IDToken(CodeIDToken):  # type: ignore[misc]
    def validate_auth_time(self) -> None:
        """Accept anything: only a whole number counts, see `claims_of`; all else confirms nobody."""


def callback_url() -> str:
    return f"{settings.SITE_URL}{reverse('oidc_callback')}"


def authorization_url(pending: Pending) -> str:
    """Build the address at the provider to go to. Raises `SignInProblem`.

    To confirm who is signed in, the provider must ask the person again.
    """
    provider = Provider()
    again = {"prompt": "login", "max_age": "0"} if pending.user else {}
    url, _state = provider.create_authorization_url(
        provider.metadata["authorization_endpoint"], pending.state, pending.verifier, nonce=pending.nonce, **again
    )
    return str(url)


def claims_of(code: str, pending: Pending) -> Claims:
    """Exchange a code for the claims that it proves. Raises `SignInProblem`."""
    if not ONE_WORD.fullmatch(code):
        raise unusable("there is no code")
    provider = Provider()
    try:
        claims = _proved(provider, code, pending)
    except FAULTS as fault:
        raise unusable(f"the ID token is not valid ({type(fault).__name__})") from None
    at = claims.get("auth_time")
    return Claims(claims["sub"], _verified_email(claims), at if isinstance(at, int) and at > 0 else 0)


def _proved(provider: Provider, code: str, pending: Pending) -> dict[str, Any]:
    """Fetch and check the ID token, and what it leaves out from the user info. Raises `FAULTS`, `SignInProblem`."""
    answer = provider.fetch_token(provider.metadata["token_endpoint"], code=code, code_verifier=pending.verifier)
    rules = {
        "iss": {"essential": True, "value": settings.OIDC_ISSUER},
        "aud": {"essential": True, "value": settings.OIDC_CLIENT_ID},
    }
    claims: dict[str, Any] | None = provider.parse_id_token(answer, pending.nonce, rules, IDToken, SKEW_SECONDS)
    if not claims or not SUBJECT.fullmatch(claims["sub"]):
        raise unusable("the ID token or its subject is missing")
    if "email" not in claims and "userinfo_endpoint" in provider.metadata:
        user_info = provider.get(provider.metadata["userinfo_endpoint"]).json()
        if user_info.get("sub") != claims["sub"]:  # OpenID Connect Core, section 5.3.2
            raise unusable("the user info has another subject")
        claims |= {name: user_info[name] for name in ("email", "email_verified") if name in user_info}
    return claims


def _basic(client: ClientAuth, *request: Any) -> Any:
    """Form-encode both halves first, which Authlib leaves out (RFC 6749, section 2.3.1)."""
    halves = quote_plus(client.client_id), quote_plus(client.client_secret)
    return encode_client_secret_basic(ClientAuth(*halves), *request)


def _is_signing_key(key: Any) -> bool:
    with suppress(*FAULTS):
        return key.get("use", "sig") == "sig" and bool(import_key(key))
    return False


def _address(document: JSONObject, name: str) -> str:
    """Take an https address; http only for a provider on this machine whose issuer is an http address too."""
    url: Any = document.get(name)
    with suppress(TypeError, ValueError):
        parts = urlsplit(url if ADDRESS.fullmatch(url) else "")
        is_local = is_loopback(parts.hostname) and settings.OIDC_ISSUER.startswith("http://")
        is_allowed = parts.scheme == "https" or (parts.scheme == "http" and is_local)
        if is_allowed and parts.hostname and parts.username is None and parts.port != 0:
            return str(url)
    raise unusable(f"{name} is not an https address")


def _verified_email(claims: JSONObject) -> str:
    email = claims.get("email")
    with suppress(ValidationError):
        if isinstance(email, str) and claims.get("email_verified") is True:
            return folded(email)
    return ""
