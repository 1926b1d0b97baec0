"""What a gateway's configuration depends on, once all of it is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

FOLDER: Final = "/etc/cumulo/gateway"
"""Where the configuration, certificates and secrets are in the container."""

RUN: Final = "/run/gateway"
"""Where httpd writes what it needs while it runs."""


@dataclass(frozen=True, kw_only=True)
class Realm:
    """Who says who people are: an OpenID provider, and this gateway as its client.

    Attributes:
        issuer: The `iss` of its tokens.
        authorization_endpoint: Where browsers log in.
        token_endpoint: Where the gateway turns a code into tokens.
        jwks_uri: Where its public keys are.
        end_session_endpoint: Where browsers log out.
        client_id: What the provider calls the gateway.
        audience: The `aud` of access tokens that are meant for the gateway.
        roles_claim: The claim that lists somebody's roles.
        user_claim: The claim that names somebody.
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str
    client_id: str
    audience: str
    roles_claim: str = "groups"
    user_claim: str = "preferred_username"


def keycloak(
    issuer: str,
    inside: str,
    *,
    client_id: str,
    audience: str,
    roles_claim: str = "groups",
    user_claim: str = "preferred_username",
) -> Realm:
    """A realm of Keycloak.

    Args:
        issuer: The realm's URL for browsers, which is the `iss` of its tokens.
        inside: The realm's URL for the gateway itself.
        client_id: What the realm calls the gateway.
        audience: The `aud` of access tokens that are meant for the gateway.
        roles_claim: The claim that lists somebody's roles.
        user_claim: The claim that names somebody.
    """
    protocol = "protocol/openid-connect"
    return Realm(
        issuer=issuer,
        authorization_endpoint=f"{issuer}/{protocol}/auth",
        token_endpoint=f"{inside}/{protocol}/token",
        jwks_uri=f"{inside}/{protocol}/certs",
        end_session_endpoint=f"{issuer}/{protocol}/logout",
        client_id=client_id,
        audience=audience,
        roles_claim=roles_claim,
        user_claim=user_claim,
    )


@dataclass(frozen=True, kw_only=True)
class Site:
    """One gateway.

    Attributes:
        host: The name by which clients reach it; subdomains are below it.
        realm: Who says who people are.
        upstreams: Each route's service, as a URL without a path.
        authority: Whether `ca.crt` holds the authority of the realm's and the services'
            certificates; else the system's authorities are believed.
        public_port: The port by which clients reach it.
        address: Where it listens, as `127.0.0.1:`. Default: everywhere.
        port: The port of TLS.
        redirect_port: The port that sends browsers to TLS.
        status_port: The port of /healthz, /metrics and /server-status; not for clients.
        folder: Where the configuration, certificates and secrets are.
        run: A folder to write in.
        modules: Where httpd's modules are.
        workers: How many requests are answered at a time.
        session_seconds: How long a login in a browser lasts.
        access_log: Where requests are logged.
        error_log: Where errors are logged.
    """

    host: str
    realm: Realm
    upstreams: Mapping[str, str]
    authority: bool = False
    public_port: int = 443
    address: str = ""
    port: int = 8443
    redirect_port: int = 8080
    status_port: int = 8081
    folder: str = FOLDER
    run: str = RUN
    modules: str = "/usr/lib/apache2/modules"
    workers: int = 256
    session_seconds: int = 3600
    access_log: str = "/proc/self/fd/1"
    error_log: str = "/proc/self/fd/2"

    @property
    def origin(self) -> str:
        """How clients reach it, without a path."""
        return f"https://{self.authority_of('')}"

    def name_of(self, subdomain: str) -> str:
        """A host's full name."""
        return f"{subdomain}.{self.host}" if subdomain else self.host

    def authority_of(self, subdomain: str) -> str:
        """A host's name with the port, where clients must say it."""
        port = "" if self.public_port == 443 else f":{self.public_port}"
        return f"{self.name_of(subdomain)}{port}"
