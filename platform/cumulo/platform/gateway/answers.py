"""What the gateway says itself: JSON for programs, a page for people."""

import html
import json
from typing import Final

NOT_VALID: Final = "401-invalid"
"""The answer to a token that is not valid here."""

_SAYS: Final = {
    "400": ("Bad request", "The request is malformed."),
    "401": ("Login needed", "Send an access token that is valid, or log in with a browser."),
    NOT_VALID: ("Login needed", "The access token is not valid, or not for this platform."),
    "403": ("Not allowed", "Your roles do not allow this here."),
    "404": ("Nothing here", "No route of the gateway leads here."),
    "405": ("Method not allowed", "No rule of this route allows the method."),
    "408": ("Too slow", "The request took too long to arrive."),
    "411": ("Length needed", "The request must say its length, in Content-Length."),
    "413": ("Too large", "The request brings more than this route takes."),
    "421": ("Unknown host", "The gateway has no such host."),
    "500": ("Gateway failed", "The gateway could not answer; its log says why."),
    "502": ("Service failed", "The service behind the gateway does not answer."),
    "503": ("Service unavailable", "The service behind the gateway does not answer."),
    "504": ("Service too slow", "The service behind the gateway did not answer in time."),
}

STATUSES: Final = tuple(status for status in _SAYS if status.isdigit())

HEALTH: Final = "healthz.asis"
"""The answer of /healthz."""


def files() -> dict[str, str]:
    """Each answer as httpd sends it, by the name of its file: headers, an empty line, a body."""
    found = {HEALTH: _with_headers("text/plain", "ok\n")}
    for key, (title, detail) in _SAYS.items():
        status = int(key[:3])
        headers = ""
        if key == NOT_VALID:
            # The rules refuse it as they refuse a role; to a client it is an invalid token.
            headers = "Status: 401 Unauthorized\n"
        body = {"status": status, "error": title.lower(), "detail": detail}
        found[f"{key}.json"] = headers + _with_headers("application/json", f"{json.dumps(body)}\n")
        found[f"{key}.html"] = headers + _with_headers(
            "text/html; charset=utf-8",
            f"<!doctype html>\n<title>{html.escape(title)}</title>\n<h1>{html.escape(title)}</h1>\n"
            f"<p>{html.escape(detail)}</p>\n",
        )
    return found


def _with_headers(kind: str, body: str) -> str:
    return f"Content-Type: {kind}\nCache-Control: no-store\n\n{body}"
