"""Where the cluster is, and as whom to talk to it: kubeconfig files."""

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.values import Properties

_POD: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_MEND: Final = (
    "`pulumi config set kubernetes:kubeconfig`, the provider's kubeconfig or KUBECONFIG names one"
)


@dataclass(frozen=True)
class Access:
    """How to reach a cluster.

    Attributes:
        server: The API server's URL.
        namespace: Where objects without a namespace go.
        source: Where this was found, for messages.
        authority: The certificates to trust, in PEM; empty for those of the system.
        verify: Whether the server must prove who it is.
        server_name: The name its certificate must have, where that is not the URL's.
        proxy: The proxy to go through; empty for what the environment says.
        certificate: The client's certificate, in PEM.
        key: Its key.
        token: A bearer token.
        token_file: A file that has the current one.
        username: For basic authentication.
        password: For basic authentication.
        impersonate: Headers that ask to act as somebody else.
        exec: A command that prints credentials, as the kubeconfig has it.
        cluster: The kubeconfig's entry of the cluster, which the command may ask for.
    """

    server: str
    namespace: str = "default"
    source: str = ""
    authority: str = ""
    verify: bool = True
    server_name: str = ""
    proxy: str = ""
    certificate: str = ""
    key: str = ""
    token: str = field(default="", repr=False)
    token_file: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    impersonate: Mapping[str, str] = field(default_factory=dict)
    exec: Mapping[str, Any] | None = None
    cluster: Mapping[str, Any] = field(default_factory=dict)


def access(options: Properties) -> Access:
    """What the provider's configuration and the environment say.

    Args:
        options: The provider's `kubeconfig` (its content, or a path), `context`, `cluster` and
            `namespace`.

    Raises:
        ProviderError: There is no kubeconfig, or it makes no sense.
    """
    given = options.get("kubeconfig")
    if given:
        config, source = _given(given)
    else:
        found = _found()
        if found is None:
            return _in_pod(options)
        config, source = found
    return _resolve(config, source, options)


def active_cluster(options: Properties) -> Mapping[str, Any] | None:
    """The entry of the cluster that a configuration leads to; `None` if it leads nowhere."""
    given = options.get("kubeconfig")
    if not given:
        return None
    try:
        config, _ = _given(given)
    except ProviderError:
        return None
    context = _entry(config, "contexts", _context_name(config, options)) or {}
    cluster = options.get("cluster") or context.get("cluster") or ""
    return _entry(config, "clusters", str(cluster))


def _given(given: object) -> tuple[dict[str, Any], str]:
    if isinstance(given, dict):
        return given, "the provider's kubeconfig"
    text = str(given)
    if "\n" not in text and len(text) < os.pathconf("/", "PC_PATH_MAX"):
        path = Path(text).expanduser()
        if path.is_file():
            return _load(path), str(path)
    config = _parse(text, "the provider's kubeconfig")
    return config, "the provider's kubeconfig"


def _found() -> tuple[dict[str, Any], str] | None:
    """The files of KUBECONFIG merged, where the first that has an entry wins."""
    named = os.environ.get("KUBECONFIG", "")
    default = Path.home() / ".kube" / "config"
    paths = [Path(part) for part in named.split(os.pathsep) if part] if named else [default]
    configs = [_load(path) for path in paths if path.is_file()]
    if not configs:
        return None
    merged: dict[str, Any] = {"current-context": ""}
    for config in configs:
        merged["current-context"] = merged["current-context"] or config.get("current-context")
        for section in ("clusters", "contexts", "users"):
            merged.setdefault(section, []).extend(config.get(section) or [])
    return merged, named or str(default)


def _load(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ProviderError(f"kubeconfig {path}: {error.strerror}") from error
    config = _parse(text, f"kubeconfig {path}")
    for section, keys in (
        ("clusters", ("certificate-authority",)),
        ("users", ("client-certificate", "client-key", "tokenFile")),
    ):
        for item in config.get(section) or []:
            entry = item.get(section[:-1]) or {}
            for key in keys:
                if entry.get(key):
                    entry[key] = str(path.parent / entry[key])
    return config


def _parse(text: str, source: str) -> dict[str, Any]:
    import yaml

    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        config = yaml.load(text, Loader=loader)  # noqa: S506 (a safe loader)
    except yaml.YAMLError as error:
        raise ProviderError(f"{source} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(config, dict):
        raise ProviderError(f"{source} is neither a kubeconfig nor the path of one")
    return config


def _in_pod(options: Properties) -> Access:
    host, port = (
        os.environ.get("KUBERNETES_SERVICE_HOST"),
        os.environ.get("KUBERNETES_SERVICE_PORT", "443"),
    )
    if not host or not (_POD / "token").is_file():
        raise ProviderError(f"there is no kubeconfig; {_MEND}")
    host = f"[{host}]" if ":" in host else host
    return Access(
        server=f"https://{host}:{port}",
        namespace=str(options.get("namespace") or (_POD / "namespace").read_text("utf-8").strip()),
        source="the pod's service account",
        authority=(_POD / "ca.crt").read_text("utf-8"),
        token_file=str(_POD / "token"),
    )


def _resolve(config: dict[str, Any], source: str, options: Properties) -> Access:
    name = _context_name(config, options)
    context = _entry(config, "contexts", name)
    if context is None:
        known = ", ".join(str(item.get("name")) for item in config.get("contexts") or []) or "none"
        what = f"no context '{name}'" if name else "no current-context"
        raise ProviderError(f"{source} has {what}; 'context' may be one of: {known}")
    cluster_name = str(options.get("cluster") or context.get("cluster") or "")
    cluster = _entry(config, "clusters", cluster_name)
    if cluster is None or not cluster.get("server"):
        raise ProviderError(f"{source} has no cluster '{cluster_name}' with a server")
    user_name = str(context.get("user") or "")
    user = _entry(config, "users", user_name) or {}
    if user.get("auth-provider"):
        raise ProviderError(
            f"user '{user_name}' of {source} has an auth-provider, which kubectl dropped as well; "
            "use its 'exec' plugin"
        )
    return Access(
        server=str(cluster["server"]).rstrip("/"),
        namespace=str(options.get("namespace") or context.get("namespace") or "default"),
        source=source,
        authority=_pem(cluster, "certificate-authority", source),
        verify=not cluster.get("insecure-skip-tls-verify"),
        server_name=str(cluster.get("tls-server-name") or ""),
        proxy=str(cluster.get("proxy-url") or ""),
        certificate=_pem(user, "client-certificate", source),
        key=_pem(user, "client-key", source),
        token=str(user.get("token") or ""),
        token_file=str(user.get("tokenFile") or ""),
        username=str(user.get("username") or ""),
        password=str(user.get("password") or ""),
        impersonate=_impersonation(user),
        exec=user.get("exec"),
        cluster=cluster,
    )


def _context_name(config: Mapping[str, Any], options: Properties) -> str:
    return str(options.get("context") or config.get("current-context") or "")


def _entry(config: Mapping[str, Any], section: str, name: str) -> dict[str, Any] | None:
    for item in config.get(section) or []:
        if isinstance(item, dict) and item.get("name") == name:
            return dict(item.get(section[:-1]) or {})
    return None


def _pem(entry: Mapping[str, Any], key: str, source: str) -> str:
    data = entry.get(f"{key}-data")
    try:
        if data:
            return base64.b64decode("".join(str(data).split()), validate=True).decode()
        return Path(entry[key]).read_text("utf-8") if entry.get(key) else ""
    except OSError as error:
        raise ProviderError(f"{key} of {source}: {error.filename}: {error.strerror}") from error
    except ValueError as error:
        raise ProviderError(f"{key}-data of {source} is not base64 of PEM") from error


def _impersonation(user: Mapping[str, Any]) -> dict[str, str]:
    headers = {}
    if user.get("as"):
        headers["Impersonate-User"] = str(user["as"])
    if user.get("as-uid"):
        headers["Impersonate-Uid"] = str(user["as-uid"])
    if user.get("as-groups") or user.get("as-user-extra"):
        raise ProviderError("a user with as-groups or as-user-extra is not supported; use 'as'")
    return headers
