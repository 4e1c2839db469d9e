"""A provider of sign-ins, small but real: sockets, signatures, one-time codes, and a sign-in page.

It checks what a provider must check of its client, and can be told to lie, to break and to stay silent.
"""

import json
import ssl
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from secrets import token_urlsafe
from threading import Event, Thread
from typing import ClassVar, Self
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID = "dashboard:1"
CLIENT_SECRET = "CANARY-oidc/secret+%"
KEY_ID = "key-1"
HOUR = 3600
Reply = tuple[int, str, bytes]
PAGE = """<!doctype html><html lang="en"><title>Provider</title><link rel="icon" href="data:,"><main><h1>Acme Login</h1>
<form action="/decide">{fields}<button name="decision" value="allow">Sign in as {email}</button>
<button name="decision" value="deny">Cancel</button></form></main></html>"""


def make_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Person:
    """Who sits before the provider's page; `claims` go into every ID token, over what is true."""

    sub: str = "248289761001"
    email: str = "alice@example.com"
    verified: object = True
    signed_in_at: int = 0
    claims: dict[str, object] = field(default_factory=dict)


class Provider:
    """Use as a context manager. `replies` replace the answer at a path; those at `silent` never come, those at
    `dripping` begin as given and then drip for ten seconds."""

    key: ClassVar[rsa.RSAPrivateKey] = make_key()

    def __init__(self, certificate: Path | None = None) -> None:
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.daemon_threads = True
        self.server.provider = self
        self.issuer = f"http{'s' if certificate else ''}://127.0.0.1:{self.server.server_address[1]}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.person = Person()
        self.discovery: dict[str, object] = {}
        self.replies: dict[str, Reply] = {}
        self.silent: set[str] = set()
        self.dripping: dict[str, bytes] = {}
        self.released = Event()
        self.sign: Callable[[dict[str, object]], str] = self.signed
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self.issued: list[str] = []
        self.read_to_the_end: list[str] = []

    def __enter__(self) -> Self:
        Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def signed(self, claims: dict[str, object]) -> str:
        return jwt.encode(claims, self.key, "RS256", headers={"kid": KEY_ID})

    def approve(self, url: str, decision: str = "allow") -> str:
        """Do what a person does in the page at an address; gives the address that the browser is sent back to."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        status, back, content = self._decide(query | {"decision": decision})
        assert status == 302, content
        return back

    def reply(self, handler: "_Handler", body: dict[str, str]) -> Reply:
        path = urlsplit(handler.path).path
        query = {name: values[0] for name, values in parse_qs(urlsplit(handler.path).query).items()}
        answers: dict[str, Callable[[], Reply]] = {
            "/.well-known/openid-configuration": self.configuration,
            "/authorize": lambda: self._page(query),
            "/decide": lambda: self._decide(query),
            "/token": lambda: self._token(handler.headers.get("Authorization", ""), body),
            "/keys": self._keys,
            "/userinfo": lambda: self._userinfo(handler.headers.get("Authorization", "")),
        }
        return answers[path]() if path in answers else (404, "text/plain", b"no such page")

    def configuration(self) -> Reply:
        known = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        return _json(200, known | self.discovery)

    def _page(self, query: dict[str, str]) -> Reply:
        hidden = "".join(f'<input type="hidden" name="{escape(n)}" value="{escape(v)}">' for n, v in query.items())
        return 200, "text/html", PAGE.format(fields=hidden, email=escape(self.person.email)).encode()

    def _decide(self, query: dict[str, str]) -> Reply:
        right = {"client_id": CLIENT_ID, "response_type": "code", "code_challenge_method": "S256"}
        if {name: query.get(name) for name in right} != right or "openid" not in query["scope"].split():
            return 400, "text/plain", b"this request makes no sense"
        answer = {"state": query["state"], "iss": self.issuer}
        if query["decision"] == "allow":
            answer["code"] = token_urlsafe(16)
            self.codes[answer["code"]] = query
            self.issued.append(answer["code"])
            if query.get("prompt") == "login":
                self.person.signed_in_at = int(time.time())
        else:
            answer["error"] = "access_denied" if query["decision"] == "deny" else query["decision"]
        return 302, f"{query['redirect_uri']}?{urlencode(answer)}", b""

    def _token(self, authorization: str, body: dict[str, str]) -> Reply:
        query = self.codes.pop(body.get("code", ""), None)
        challenge = urlsafe_b64encode(sha256(body.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        if not query or query["code_challenge"] != challenge or query["redirect_uri"] != body["redirect_uri"]:
            return _json(400, {"error": "invalid_grant"})
        if not self._is_client(authorization, body):
            return _json(401, {"error": "invalid_client"})
        token, access = self.sign(self._claims(query["nonce"])), token_urlsafe(16)
        self.issued += [token, access]
        return _json(200, {"access_token": access, "token_type": "Bearer", "id_token": token})

    def _is_client(self, authorization: str, body: dict[str, str]) -> bool:
        if "token_endpoint_auth_methods_supported" in self.discovery:
            return (body.get("client_id"), body.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        name, _, secret = b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        return (unquote_plus(name), unquote_plus(secret)) == (CLIENT_ID, CLIENT_SECRET)

    def _claims(self, nonce: str) -> dict[str, object]:
        now = int(time.time())
        claims: dict[str, object] = {"iss": self.issuer, "aud": CLIENT_ID, "sub": self.person.sub, "nonce": nonce}
        claims |= {"iat": now, "exp": now + HOUR}
        if "userinfo_endpoint" not in self.discovery:
            claims |= {"email": self.person.email, "email_verified": self.person.verified}
        if self.person.signed_in_at:
            claims["auth_time"] = self.person.signed_in_at
        return {name: value for name, value in (claims | self.person.claims).items() if value is not None}

    def _keys(self) -> Reply:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return _json(200, {"keys": [public | {"kid": KEY_ID, "use": "sig", "alg": "RS256"}]})

    def _userinfo(self, authorization: str) -> Reply:
        if authorization.removeprefix("Bearer ") != self.issued[-1]:
            return _json(401, {"error": "invalid_token"})
        said = {"sub": self.person.sub, "email": self.person.email, "email_verified": self.person.verified}
        return _json(200, said)


class _Server(ThreadingHTTPServer):
    provider: Provider


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer({name: values[0] for name, values in parse_qs(body).items()})

    def _answer(self, body: dict[str, str]) -> None:
        provider = self.server.provider
        path = urlsplit(self.path).path
        provider.asked.append(path)
        if path in provider.silent:
            provider.released.wait(30)
        if path in provider.dripping:
            self._drip(provider, provider.dripping[path])
            return
        status, kind, content = provider.replies.get(path) or provider.reply(self, body)
        self.send_response(status)
        self.send_header("Location" if status == 302 else "Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        with suppress(OSError):  # the client disconnected
            self.wfile.write(content)
            provider.read_to_the_end.append(path)
        self.close_connection = True

    def _drip(self, provider: Provider, begun: bytes) -> None:
        with suppress(OSError):
            self.wfile.write(begun)
            for _ in range(500):
                if provider.released.wait(0.02):
                    break
                self.wfile.write(b"x")
        self.close_connection = True

    def log_message(self, format: str, *values: object) -> None:
        """Print nothing: requests are kept in `asked`."""


def _json(status: int, content: dict[str, object]) -> Reply:
    return status, "application/json", json.dumps(content).encode()
