"""An OpenID provider of the tests: a real one neither forges tokens nor lets time pass."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT_ID = "gateway"
CLIENT_SECRET = 'a secret, with "quotes" and a \\ in it'
AUDIENCE = "cumulo"

Claims = dict[str, Any]


class Key:
    """An RSA key, and the name that tokens call it by."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.private = rsa.generate_private_key(65537, 2048)

    def public_pem(self) -> bytes:
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def jwk(self) -> dict[str, str]:
        numbers = self.private.public_key().public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.name,
            "n": coded(numbers.n.to_bytes(256, "big")),
            "e": coded(numbers.e.to_bytes(3, "big")),
        }

    def sign(self, claims: Claims, **header: str) -> str:
        said = {"typ": "JWT", "alg": "RS256", "kid": self.name, **header}
        signed = f"{_part(said)}.{_part(claims)}"
        signature = self.private.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{coded(signature)}"


def unsigned(claims: Claims, name: str) -> str:
    """A token of the algorithm `none`."""
    return f"{_part({'typ': 'JWT', 'alg': 'none', 'kid': name})}.{_part(claims)}."


def by_secret(claims: Claims, name: str, secret: bytes) -> str:
    """A token whose signature is made of something that others know too."""
    signed = f"{_part({'typ': 'JWT', 'alg': 'HS256', 'kid': name})}.{_part(claims)}"
    return f"{signed}.{coded(hmac.digest(secret, signed.encode(), 'sha256'))}"


def coded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _part(value: dict[str, Any]) -> str:
    return coded(json.dumps(value).encode())


class Issuer(ThreadingHTTPServer):
    """Logs in whoever asks, as `person` says, by the code flow with PKCE."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.key = Key("first")
        self.person: Claims = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.problems: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/realms/test"

    def claims(self, *roles: str, **changes: Any) -> Claims:
        """What an access token says, unless it is changed; None takes a claim away."""
        now = int(time.time())
        said = {
            "iss": self.url,
            "sub": "2b8f",
            "aud": [AUDIENCE, "account"],
            "iat": now,
            "exp": now + 3600,
            "typ": "Bearer",
            "azp": "sdk",
            "preferred_username": "ada",
            "email": "ada@example.org",
            "groups": list(roles),
            **changes,
        }
        return {claim: value for claim, value in said.items() if value is not None}

    def token(self, *roles: str, **changes: Any) -> str:
        """An access token."""
        return self.key.sign(self.claims(*roles, **changes))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Issuer

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        if asked.path.endswith("/jwks"):
            self._json({"keys": [self.server.key.jwk()]})
        elif asked.path.endswith("/authorize"):
            code = secrets.token_urlsafe()
            self.server.codes[code] = query
            back = urlencode({"code": code, "state": query["state"]})
            self.send_response(302)
            self.send_header("Location", f"{query['redirect_uri']}?{back}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        asked = self.server.codes.pop(form.get("code", [""])[0], None)
        wanted = base64.b64encode(_form_coded(f"{CLIENT_ID}:{CLIENT_SECRET}"))
        if self.headers.get("Authorization") != f"Basic {wanted.decode()}":
            self.server.problems.append(f"client: {self.headers.get('Authorization')}")
            self._json({"error": "invalid_client"}, 401)
            return
        verifier = form.get("code_verifier", [""])[0]
        proof = coded(hashlib.sha256(verifier.encode()).digest())
        if asked is None or asked.get("code_challenge") != proof:
            self.server.problems.append(f"code: {asked} {proof}")
            self._json({"error": "invalid_grant"}, 400)
            return
        said = {
            **self.server.person,
            "aud": CLIENT_ID,
            "azp": CLIENT_ID,
            "nonce": asked["nonce"],
            "typ": "ID",
        }
        access = self.server.key.sign(self.server.person)
        self._json(
            {
                "access_token": access,
                "token_type": "Bearer",
                "expires_in": 300,
                "id_token": self.server.key.sign(said),
            }
        )

    def _json(self, value: Any, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _form_coded(pair: str) -> bytes:
    """As RFC 6749 has it: each half coded like a form's value."""
    from urllib.parse import quote

    name, _, secret = pair.partition(":")
    return f"{quote(name, safe='')}:{quote(secret, safe='')}".encode()
