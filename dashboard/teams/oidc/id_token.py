"""What the provider says, believed only where it is proved: by its name, a signature, and what we asked with."""

import re
from base64 import b64encode
from dataclasses import dataclass
from secrets import compare_digest
from typing import NamedTuple
from urllib.parse import quote_plus, urlencode, urlsplit

import jwt
from django.conf import settings
from django.core.exceptions import ValidationError
from django.urls import reverse

from dashboard.backends.redis_cache import kept
from dashboard.run.check_settings import is_loopback
from dashboard.teams.core.email_addresses import folded
from dashboard.teams.oidc.http import Budget, JSONObject, get, post, unusable
from dashboard.teams.oidc.state_cookie import Pending

DISCOVERY = "/.well-known/openid-configuration"
DISCOVERED_SECONDS = 5 * 60
SCOPES = "openid email"
SKEW_SECONDS = 60
# Asymmetric ones alone: with HS256 the client's secret, and with "none" anybody, could sign.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
REQUIRED = ["iss", "sub", "aud", "exp", "iat"]
# No quotes or angle brackets, which no address needs; a token is one word, as it becomes a header.
ADDRESS = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&()*+,;=%]{1,2000}")
ONE_WORD = re.compile(r"[\x21-\x7e]{1,16000}")
# OpenID Connect Core, section 2: ASCII. The length is that of the column; longer ones are not known to exist.
SUBJECT = re.compile(r"[\x20-\x7e]{1,191}")


class Endpoints(NamedTuple):
    """Where the provider is asked for what; `userinfo` may be empty. `posts_secret` where it takes no header for it."""

    authorization: str
    token: str
    keys: str
    userinfo: str
    posts_secret: bool


@dataclass(frozen=True, slots=True)
class Claims:
    """Who somebody is at the provider; `email` is empty unless verified there. `signed_in_at` in seconds, 0 unknown."""

    subject: str
    email: str
    signed_in_at: int


def callback_url() -> str:
    return f"{settings.SITE_URL}{reverse('oidc_callback')}"


def authorization_url(pending: Pending) -> str:
    """Give the address at the provider to lead to; one that confirms makes it ask anew. Raises `SignInProblem`."""
    fields = {
        "response_type": "code",
        "client_id": settings.OIDC_CLIENT_ID,
        "redirect_uri": callback_url(),
        "scope": SCOPES,
        "state": pending.state,
        "nonce": pending.nonce,
        "code_challenge": pending.challenge,
        "code_challenge_method": "S256",
    }
    if pending.user:
        fields |= {"prompt": "login", "max_age": "0"}
    endpoint = endpoints(Budget()).authorization
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(fields)}"


def claims_of(code: str, pending: Pending) -> Claims:
    """Trade a code for what it proves. Raises `SignInProblem`."""
    if not ONE_WORD.fullmatch(code):
        raise unusable("there is no code")
    budget = Budget()
    known = endpoints(budget)
    answer = _redeem(known, code, pending, budget)
    token = _claims_in(_text(answer, "id_token"), get(known.keys, budget), pending)
    subject = _text(token, "sub")
    if not SUBJECT.fullmatch(subject):
        raise unusable("the subject is none")
    if "email" not in token and known.userinfo:
        token |= _said_of(subject, known, _text(answer, "access_token"), budget)
    return Claims(subject, _verified_email(token), _whole(token, "auth_time"))


def endpoints(budget: Budget) -> Endpoints:
    """Find the provider's addresses, or remember them. Raises `SignInProblem`."""
    issuer: str = settings.OIDC_ISSUER
    name = f"oidc-endpoints:{issuer}"

    def make() -> Endpoints:
        return _endpoints_in(get(issuer.rstrip("/") + DISCOVERY, budget), issuer)

    return kept(name, Endpoints, make, seconds=DISCOVERED_SECONDS, alias="default")


def _endpoints_in(document: JSONObject, issuer: str) -> Endpoints:
    if document.get("issuer") != issuer:
        raise unusable("the provider calls itself by another name than OIDC_ISSUER")
    methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Endpoints(
        _address(document, "authorization_endpoint"),
        _address(document, "token_endpoint"),
        _address(document, "jwks_uri"),
        _address(document, "userinfo_endpoint") if document.get("userinfo_endpoint") else "",
        isinstance(methods, list) and "client_secret_basic" not in methods,
    )


def _address(document: JSONObject, name: str) -> str:
    """Take an https address; http is for a provider on this machine, which the settings then name as such."""
    url = document.get(name)
    if not isinstance(url, str) or not ADDRESS.fullmatch(url):
        raise unusable(f"{name} is no address")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise unusable(f"{name} is no address") from None
    is_local = parts.scheme == "http" and is_loopback(host) and settings.OIDC_ISSUER.startswith("http://")
    if not host or parts.username is not None or not (parts.scheme == "https" or is_local):
        raise unusable(f"{name} is no https address")
    return url


def _redeem(known: Endpoints, code: str, pending: Pending, budget: Budget) -> JSONObject:
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": callback_url(),
        "code_verifier": pending.verifier,
    }
    if known.posts_secret:
        fields |= {"client_id": settings.OIDC_CLIENT_ID, "client_secret": settings.OIDC_CLIENT_SECRET.reveal()}
        return post(known.token, fields, budget, headers={})
    return post(known.token, fields, budget, headers={"Authorization": _basic()})


def _basic() -> str:
    """Name the client in a header, each half form-encoded first (RFC 6749, section 2.3.1)."""
    halves = f"{quote_plus(settings.OIDC_CLIENT_ID)}:{quote_plus(settings.OIDC_CLIENT_SECRET.reveal())}"
    return f"Basic {b64encode(halves.encode()).decode()}"


def _claims_in(token: str, keys: JSONObject, pending: Pending) -> JSONObject:
    """Check an ID token as OpenID Connect Core, section 3.1.3.7, asks for, the signature always."""
    try:
        claims: JSONObject = jwt.decode(
            token,
            _key(token, keys).key,
            ALGORITHMS,
            audience=settings.OIDC_CLIENT_ID,
            issuer=settings.OIDC_ISSUER,
            leeway=SKEW_SECONDS,
            options={"require": REQUIRED},
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as fault:
        raise unusable(f"the ID token is not valid ({type(fault).__name__})") from None
    if not compare_digest(_text(claims, "nonce").encode(), pending.nonce.encode()):
        raise unusable("the ID token was made for another sign-in")
    if claims.get("azp", settings.OIDC_CLIENT_ID) != settings.OIDC_CLIENT_ID:
        raise unusable("the ID token was made for another client")
    return claims


def _key(token: str, keys: JSONObject) -> jwt.PyJWK:
    """Choose the key that the token names; one that names none is for a provider with one key."""
    name = jwt.get_unverified_header(token).get("kid")
    known = [key for key in jwt.PyJWKSet.from_dict(keys) if key.public_key_use in (None, "sig")]
    fitting = [key for key in known if key.key_id == name] if name is not None else known
    if len(fitting) != 1:
        raise unusable("the ID token is signed with a key that is not known")
    return fitting[0]


def _said_of(subject: str, known: Endpoints, token: str, budget: Budget) -> JSONObject:
    """Ask for what the ID token leaves out; the answer counts only for the same subject (section 5.3.2)."""
    said = get(known.userinfo, budget, bearer=token)
    if said.get("sub") != subject:
        raise unusable("the user info is about somebody else")
    return {name: said[name] for name in ("email", "email_verified") if name in said}


def _verified_email(claims: JSONObject) -> str:
    email = claims.get("email")
    if not isinstance(email, str) or claims.get("email_verified") is not True:
        return ""
    try:
        return folded(email)
    except ValidationError:
        return ""


def _text(document: JSONObject, name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not ONE_WORD.fullmatch(value):
        raise unusable(f"{name} is missing or no word")
    return value


def _whole(claims: JSONObject, name: str) -> int:
    value = claims.get(name)
    return value if isinstance(value, int) and value > 0 else 0
