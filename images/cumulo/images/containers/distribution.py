"""The part of the OCI distribution API that a push needs.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md names every request here.
"""

import base64
import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import IO
from urllib.parse import urljoin, urlsplit

import urllib3
from cumulo.local.errors import CumuloError

USER_VARIABLE = "CUMULO_REGISTRY_USER"
PASSWORD_VARIABLE = "CUMULO_REGISTRY_PASSWORD"  # noqa: S105 -- the name of a variable

# A registry answers once the object store behind it has the whole of a large blob.
_TIMEOUT = urllib3.Timeout(connect=10, read=300)
_RETRIES = urllib3.Retry(
    total=4,
    connect=2,
    backoff_factor=0.5,
    status_forcelist=(429, 502, 503, 504),
    allowed_methods=None,  # All of them may be asked twice: blobs are named by their content.
    raise_on_status=False,
    redirect=False,
)


class Registry:
    """A registry, as one user sees it."""

    def __init__(
        self, address: str, user: str = "", password: str = "", authority: Path | None = None
    ) -> None:
        """Asks the registry who it is.

        Args:
            address: `HOST:PORT`, by TLS; with `http://` before it, without.
            user: Who pushes; nobody, if empty.
            password: Theirs.
            authority: A file of certificates that the registry's is signed with, where the
                machine does not trust it anyway.

        Raises:
            CumuloError: It cannot be reached, is none, or does not let the user in.
        """
        scheme, _, host = address.rpartition("://")
        self.address = host.rstrip("/")
        self._base = f"{scheme or 'https'}://{self.address}"
        parts = urlsplit(self._base)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path:
            raise CumuloError(
                f"--registry: {address!r} is no address of a registry",
                "write HOST:PORT, or http://HOST:PORT for one without TLS",
            )
        self._user = user
        self._headers = {}
        if user:
            told = base64.b64encode(f"{user}:{password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {told}"
        self._pool = urllib3.PoolManager(
            timeout=_TIMEOUT, retries=_RETRIES, ssl_context=_context(authority)
        )
        self._ask("GET", "/v2/", (200,))

    def has_blob(self, repository: str, digest: str) -> bool:
        """Whether a repository has a blob."""
        answer = self._ask("HEAD", f"/v2/{repository}/blobs/{digest}", (200, 404))
        return answer.status == 200

    def has_manifest(self, repository: str, tag: str, digest: str, media_type: str) -> bool:
        """Whether a tag is the manifest that it is going to be."""
        answer = self._ask(
            "HEAD", f"/v2/{repository}/manifests/{tag}", (200, 404), {"Accept": media_type}
        )
        return answer.status == 200 and answer.headers.get("Docker-Content-Digest") == digest

    def mount(self, repository: str, digest: str, other: str) -> bool:
        """Asks for a blob that another repository has, without sending it."""
        path = f"/v2/{repository}/blobs/uploads/?mount={digest}&from={other}"
        answer = self._ask("POST", path, (201, 202))
        if answer.status == 202:
            # It began an upload instead, which nobody is going to finish.
            location = urljoin(self._base, answer.headers["Location"])
            self._ask("DELETE", location, (204, 404, 405))
        return answer.status == 201

    def send_blob(self, repository: str, digest: str, content: IO[bytes], size: int) -> None:
        """Sends a blob; the registry compares it with its digest."""
        begun = self._ask("POST", f"/v2/{repository}/blobs/uploads/", (202,))
        location = urljoin(self._base, begun.headers["Location"])
        joint = "&" if urlsplit(location).query else "?"
        self._ask(
            "PUT",
            f"{location}{joint}digest={digest}",
            (201,),
            {"Content-Type": "application/octet-stream", "Content-Length": str(size)},
            content,
        )

    def send_manifest(self, repository: str, tag: str, content: bytes, media_type: str) -> None:
        """Gives a tag to a manifest whose blobs are all there."""
        path = f"/v2/{repository}/manifests/{tag}"
        self._ask("PUT", path, (201,), {"Content-Type": media_type}, content)

    def _ask(
        self,
        method: str,
        path: str,
        expected: tuple[int, ...],
        headers: Mapping[str, str] | None = None,
        body: IO[bytes] | bytes | None = None,
    ) -> urllib3.BaseHTTPResponse:
        url = urljoin(self._base, path)
        # Another host, to which a registry may send uploads, is not told the password.
        ours = urlsplit(url)[:2] == urlsplit(self._base)[:2]
        told = {**(self._headers if ours else {}), **(headers or {})}
        try:
            answer = self._pool.request(method, url, headers=told, body=body, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from error
        if answer.status in expected:
            return answer
        raise self._refused(method, url, answer)

    def _unreachable(self, error: urllib3.exceptions.HTTPError) -> CumuloError:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, urllib3.exceptions.SSLError):
            if "CERTIFICATE_VERIFY_FAILED" in str(reason):
                remedy = "name the file of the authority that signed it: --ca FILE"
            else:
                remedy = f"if it speaks no TLS: --registry http://{self.address}"
            return CumuloError(f"registry {self.address}: {reason}", remedy)
        return CumuloError(
            f"registry {self.address} cannot be reached: {reason}",
            "see whether --registry is right, and whether it runs",
        )

    def _refused(self, method: str, url: str, answer: urllib3.BaseHTTPResponse) -> CumuloError:
        said = _reason(answer)
        if answer.status == 401:
            who = f"user {self._user!r} and their password" if self._user else "anybody unnamed"
            return CumuloError(
                f"registry {self.address} does not accept {who}{said}",
                f"set {USER_VARIABLE} and {PASSWORD_VARIABLE}",
            )
        if answer.status == 403:
            return CumuloError(
                f"registry {self.address} does not let user {self._user!r} do this: {method} "
                f"{urlsplit(url).path}{said}",
                f"name a user who may push there: {USER_VARIABLE}",
            )
        return CumuloError(
            f"registry {self.address} answers {method} {urlsplit(url).path} with "
            f"{answer.status}{said}",
            "see its log" if answer.status >= 500 else "see whether --registry names a registry",
        )


def _context(authority: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context()
        if authority:
            context.load_verify_locations(authority)
    except (OSError, ssl.SSLError) as error:
        raise CumuloError(
            f"--ca: {authority} cannot be read as certificates: {error}", "name a PEM file"
        ) from error
    return context


def _reason(answer: urllib3.BaseHTTPResponse) -> str:
    """The registry's own words, where it has any."""
    try:
        errors = json.loads(answer.data)["errors"]
        return ": " + "; ".join(str(one.get("message") or one["code"]) for one in errors)
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""
