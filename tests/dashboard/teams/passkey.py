"""A passkey in software: what a device and its browser answer, made with the private key of the test."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from secrets import token_bytes
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode

HOST, ORIGIN = "localhost", "http://localhost:8000"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Passkey:
    """`flags` says whether the device saw its owner; `origin` what site the browser says it is on."""

    flags: int = PRESENT | VERIFIED
    origin: str = ORIGIN
    user: str = ""
    id: bytes = field(default_factory=lambda: token_bytes(16))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: dict[str, dict[str, Any]]) -> str:
        """Answer a request for a new passkey, without attestation."""
        public = options["publicKey"]
        self.user = public["user"]["id"]
        read: Callable[..., dict[int, object]] = ES256.from_cryptography_key
        cose = cbor.encode(dict(read(self.key.public_key())))
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cose
        statement = {"fmt": "none", "attStmt": {}, "authData": self._data(ATTESTED) + attested}
        client = self._client("webauthn.create", str(public["challenge"]))
        return self._reply(clientDataJSON=client, attestationObject=cbor.encode(statement))

    def get(self, options: dict[str, dict[str, object]]) -> str:
        """Answer a request to prove that this is it."""
        client = self._client("webauthn.get", str(options["publicKey"]["challenge"]))
        shown = self._data(0)
        signature = self.key.sign(shown + sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        handle = websafe_decode(self.user)
        return self._reply(clientDataJSON=client, authenticatorData=shown, signature=signature, userHandle=handle)

    def _data(self, more: int) -> bytes:
        return sha256(HOST.encode()).digest() + bytes([self.flags | more]) + bytes(4)

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _reply(self, **parts: bytes) -> str:
        name = websafe_encode(self.id)
        response = {key: websafe_encode(value) for key, value in parts.items()}
        results: dict[str, object] = {}
        return json.dumps(
            {"id": name, "rawId": name, "type": "public-key", "clientExtensionResults": results, "response": response}
        )
