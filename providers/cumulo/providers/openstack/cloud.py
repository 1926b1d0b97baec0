"""The connection to an OpenStack cloud, shared by all threads."""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.values import Properties

if TYPE_CHECKING:
    from keystoneauth1.access.access import AccessInfoV3
    from keystoneauth1.adapter import Adapter

JSON = dict[str, Any]

MARK: Final = "cumulo:"
"""What every mark starts with."""

CONFIG: Final[Mapping[str, str]] = {
    "applicationCredentialId": "application_credential_id",
    "applicationCredentialName": "application_credential_name",
    "applicationCredentialSecret": "application_credential_secret",
    "authUrl": "auth_url",
    "cacertFile": "cacert",
    "cert": "cert",
    "cloud": "cloud",
    "defaultDomain": "default_domain",
    "domainId": "domain_id",
    "domainName": "domain_name",
    "endpointType": "interface",
    "key": "key",
    "password": "password",
    "projectDomainId": "project_domain_id",
    "projectDomainName": "project_domain_name",
    "region": "region_name",
    "systemScope": "system_scope",
    "tenantId": "project_id",
    "tenantName": "project_name",
    "token": "token",
    "userDomainId": "user_domain_id",
    "userDomainName": "user_domain_name",
    "userId": "user_id",
    "userName": "username",
}
"""The official provider's configuration keys, and openstacksdk's words for them."""

OTHER_CONFIG: Final = frozenset(
    {
        "allowReauth",
        "delayedAuth",
        "disableNoCacheHeader",
        "enableLogging",
        "endpointOverrides",
        "insecure",
        "maxRetries",
        "swauth",
        "useOctavia",
    }
)

_NOT_AUTH: Final = frozenset({"cacert", "cert", "cloud", "interface", "key", "region_name"})

_REQUEST_SECONDS: Final = 60.0
_CONNECTIONS: Final = 64
_RETRIES: Final = 2


class CloudError(ProviderError):
    """The cloud refused a request.

    Attributes:
        status: The HTTP status.
        reason: What the cloud said.
    """

    def __init__(self, message: str, status: int, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class Service:
    """One of the cloud's APIs in one region."""

    def __init__(self, cloud: "Cloud", kind: str, adapter: "Adapter") -> None:
        self._cloud = cloud
        self._kind = kind
        self._adapter = adapter
        self._lock = threading.Lock()
        self._endpoint = ""
        self._marked: dict[str, dict[str, str]] = {}
        self._remembered: dict[str, JSON] = {}

    def get(self, path: str, **options: Any) -> JSON:
        """The answer to a GET."""
        return self.request("GET", path, **options)

    def find(self, path: str, **options: Any) -> JSON | None:
        """The answer to a GET, or `None` where there is nothing."""
        try:
            return self.request("GET", path, **options)
        except CloudError as error:
            if error.status == 404:
                return None
            raise

    def head(self, path: str, **options: Any) -> "Mapping[str, str] | None":
        """The headers of the answer to a HEAD, or `None` where there is nothing."""
        try:
            headers: Mapping[str, str] = self._answer("HEAD", path, options).headers
        except CloudError as error:
            if error.status == 404:
                return None
            raise
        return headers

    def post(self, path: str, body: Any = None, **options: Any) -> JSON:
        """The answer to a POST."""
        return self.request("POST", path, json=body, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> JSON:
        """The answer to a PUT."""
        return self.request("PUT", path, json=body, **options)

    def delete(self, path: str, **options: Any) -> bool:
        """Deletes; whether there was anything to delete."""
        try:
            self.request("DELETE", path, **options)
        except CloudError as error:
            if error.status == 404:
                return False
            raise
        return True

    def request(self, method: str, path: str, **options: Any) -> JSON:
        """Makes a request.

        Args:
            method: The HTTP method.
            path: The path below the service's root, with the API's version where it has one.
            options: What keystoneauth's adapter takes: `json`, `params`, `microversion`.

        Raises:
            CloudError: The cloud answered with an error.
            ProviderError: It could not be asked.
        """
        response = self._answer(method, path, options)
        if not response.content or "json" not in response.headers.get("content-type", ""):
            return {}
        answer = response.json()
        return answer if isinstance(answer, dict) else {"items": answer}

    def marked(self, collection: str, path: str) -> dict[str, str]:
        """The ids of the objects that carry a mark: one listing per process.

        Args:
            collection: The key of the list in the answer.
            path: Lists `id`, `tags` and `description` of the objects.
        """
        with self._lock:
            known = self._marked.get(path)
        if known is None:
            known = {
                mark: item["id"]
                for item in self.get(path)[collection]
                for mark in [*(item.get("tags") or []), item.get("description") or ""]
                if mark.startswith(MARK)
            }
            with self._lock:
                self._marked[path] = known
        return known

    def remembered(self, path: str, key: str | None = None) -> JSON | None:
        """The answer to a GET of something that does not change while a program runs.

        Args:
            path: What to get.
            key: The key of the object in the answer, if it is not the answer itself.
        """
        with self._lock:
            if path in self._remembered:
                return self._remembered[path]
        answer = self.find(path)
        if answer is None:
            return None
        found: JSON = answer if key is None else answer[key]
        with self._lock:
            self._remembered[path] = found
        return found

    def has_extension(self, alias: str) -> bool:
        """Whether a Neutron has an extension."""
        known = self.remembered("/v2.0/extensions?fields=alias") or {"extensions": []}
        return any(extension["alias"] == alias for extension in known["extensions"])

    def exists(self) -> bool:
        """Whether the cloud's catalog has it."""
        from keystoneauth1.exceptions import EndpointNotFound

        with self._cloud.explained(self._kind):
            try:
                return bool(self._adapter.get_endpoint())
            except EndpointNotFound:
                return False

    @property
    def project(self) -> str:
        """The id of the project that the credentials are for."""
        return self._cloud.project

    def _answer(self, method: str, path: str, options: Mapping[str, Any]) -> Any:
        response = self._send(method, path, options)
        if response.status_code >= 400:
            reason = _reason(response.text)
            raise CloudError(
                f"the cloud refused {method} {path.split('?')[0]}: {reason} "
                f"(HTTP {response.status_code})",
                response.status_code,
                reason,
            )
        return response

    def _send(self, method: str, path: str, options: Mapping[str, Any]) -> Any:
        with self._cloud.explained(self._kind):
            return self._adapter.request(
                self._root() + path,
                method,
                raise_exc=False,
                connect_retries=_RETRIES,
                **options,
            )

    def _root(self) -> str:
        with self._lock:
            if not self._endpoint:
                endpoint = str(self._adapter.get_endpoint() or "")
                if not endpoint:
                    from keystoneauth1.exceptions import EndpointNotFound

                    raise EndpointNotFound(f"no {self._kind} endpoint in the catalog")
                if self._kind != "compute":
                    # Paths here say the version; whether the catalog does differs by cloud.
                    endpoint = re.sub(r"/v\d[\d.]*/?$", "", endpoint)
                self._endpoint = endpoint.rstrip("/")
            return self._endpoint


class Cloud:
    """An OpenStack cloud, as `clouds.yaml`, the environment and the provider's options say."""

    def __init__(self, options: Properties) -> None:
        import requests
        from keystoneauth1.session import Session
        from requests.adapters import HTTPAdapter

        from openstack.config import OpenStackConfig
        from openstack.exceptions import ConfigException

        words = {CONFIG[key]: value for key, value in options.items() if key in CONFIG and value}
        given: JSON = {key: value for key, value in words.items() if key in _NOT_AUTH}
        # What the program says wins over `clouds.yaml` only inside this key.
        given["auth"] = {key: value for key, value in words.items() if key not in _NOT_AUTH}
        if str(options.get("insecure", "")).lower() == "true":
            given["verify"] = False
        overrides = options.get("endpointOverrides") or {}
        if isinstance(overrides, str):
            overrides = json.loads(overrides)
        for service, url in overrides.items():
            given[f"{service.replace('-', '_')}_endpoint_override"] = url
        name = given.get("cloud")
        self.source = f"cloud '{name}' in clouds.yaml" if name else "the openstack configuration"
        try:
            self._config = OpenStackConfig().get_one(**given)
            auth = self._config.get_auth()
        except ConfigException as error:
            raise ProviderError(
                f"{_sentence(error)}; `pulumi config set openstack:cloud NAME` or OS_CLOUD names "
                "an entry of clouds.yaml"
            ) from error
        self.auth_url = str(self._config.get_auth_args().get("auth_url") or "")
        self.region = str(self._config.region_name or "")
        http = requests.Session()
        for scheme in ("http://", "https://"):
            http.mount(
                scheme, HTTPAdapter(pool_connections=_CONNECTIONS, pool_maxsize=_CONNECTIONS)
            )
        verify, cert = self._config.get_requests_verify_args()
        self._session = Session(
            auth=auth, session=http, verify=verify, cert=cert, timeout=_REQUEST_SECONDS
        )
        self._lock = threading.Lock()
        self._services: dict[tuple[str, str], Service] = {}
        self._locks: dict[str, threading.RLock] = {}

    @property
    def project(self) -> str:
        """The id of the project that the credentials are for."""
        with self.explained("identity"):
            return str(self._session.get_project_id() or "")

    @property
    def access(self) -> "AccessInfoV3":
        """Who the credentials are, where they count, and which services there are."""
        from keystoneauth1.access.access import AccessInfoV3
        from keystoneauth1.identity.base import BaseIdentityPlugin

        auth = self._session.auth
        if isinstance(auth, BaseIdentityPlugin):
            with self.explained("identity"):
                found = auth.get_access(self._session)
            if isinstance(found, AccessInfoV3):
                return found
        raise ProviderError(f"{self.source} does not log in to an identity service of version 3")

    @contextmanager
    def explained(self, kind: str) -> Iterator[None]:
        """Turns what keystoneauth raises into what a user can mend."""
        from keystoneauth1 import exceptions

        try:
            yield
        except exceptions.Unauthorized as error:
            raise ProviderError(
                f"the cloud at {self.auth_url} refused the credentials of "
                f"{self.source}: {_sentence(error)}; correct them there"
            ) from error
        except exceptions.EndpointNotFound as error:
            raise ProviderError(
                f"the cloud at {self.auth_url} has no {kind} service "
                f"in region '{self.region}': {_sentence(error)}"
            ) from error
        except (exceptions.ConnectFailure, exceptions.DiscoveryFailure) as error:
            raise ProviderError(
                f"cannot reach the cloud's {kind} service "
                f"(auth_url {self.auth_url} of {self.source}): {_sentence(error)}"
            ) from error
        except exceptions.ClientException as error:
            raise ProviderError(
                f"cannot ask the cloud of {self.source}: {_sentence(error)}"
            ) from error

    def identity(self, region: str | None = None) -> Service:
        """Keystone."""
        return self.service("identity", region)

    def network(self, region: str | None = None) -> Service:
        """Neutron."""
        return self.service("network", region)

    def compute(self, region: str | None = None) -> Service:
        """Nova."""
        return self.service("compute", region)

    def block_storage(self, region: str | None = None) -> Service:
        """Cinder."""
        return self.service("block-storage", region)

    def image(self, region: str | None = None) -> Service:
        """Glance."""
        return self.service("image", region)

    def load_balancer(self, region: str | None = None) -> Service:
        """Octavia."""
        return self.service("load-balancer", region)

    def object_storage(self, region: str | None = None) -> Service:
        """Swift; paths are below the project's account."""
        return self.service("object-store", region)

    def service(self, kind: str, region: str | None = None) -> Service:
        """The API of a service type, in the given or the configured region."""
        from keystoneauth1.adapter import Adapter

        where = region or self.region
        with self._lock:
            found = self._services.get((kind, where))
            if found is None:
                config = self._config
                adapter = Adapter(
                    self._session,
                    service_type=kind,
                    interface=config.get_interface(kind),
                    region_name=where or None,
                    endpoint_override=config.get_endpoint(kind),
                )
                found = self._services[kind, where] = Service(self, kind, adapter)
            return found

    def lock(self, name: str) -> threading.RLock:
        """A lock for one object that the cloud lets only one request change at a time."""
        with self._lock:
            return self._locks.setdefault(name, threading.RLock())


def _reason(text: str) -> str:
    """What the cloud said, out of the shapes in which its services say it."""
    try:
        answer = json.loads(text)
    except ValueError:
        return " ".join(re.sub(r"<[^>]*>", " ", text).split())[:500] or "no reason given"
    while isinstance(answer, dict):
        for key in ("message", "faultstring", "description"):
            if isinstance(answer.get(key), str) and answer[key]:
                return str(answer[key]).strip()
        answer = next((item for item in answer.values() if isinstance(item, dict)), None)
    return text.strip()[:500] or "no reason given"


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
