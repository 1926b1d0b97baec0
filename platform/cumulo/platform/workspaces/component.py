"""The component."""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

import pulumi
import pulumi_kubernetes as k8s
from cumulo.infra.arguments import title
from cumulo.infra.security_group import WORLD
from cumulo.platform.gateway.site import Site
from cumulo.platform.workspaces.arguments import (
    AUTHORITIES,
    Container,
    WorkspaceArgs,
    WorkspaceHandle,
    check,
    database_namespace,
)

SERVICE_ACCOUNT: Final = "workload"
_AUTHORITIES: Final = "authorities"
_NAMESPACE: Final = "kubernetes.io/metadata.name"

# What people of the team may do: everything that is work. Not among it: its limits, who may do
# what, and what its pods reach.
_ALL: Final = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]
_READ: Final = ["get", "list", "watch"]
_RULES: Final[list[dict[str, list[str]]]] = [
    {
        "api_groups": [""],
        "resources": [
            *("configmaps", "persistentvolumeclaims", "pods", "secrets", "services"),
            "replicationcontrollers",
        ],
        "verbs": _ALL,
    },
    {
        "api_groups": [""],
        "resources": ["pods/attach", "pods/exec", "pods/portforward", "pods/eviction"],
        "verbs": ["get", "create"],
    },
    {
        "api_groups": [""],
        "resources": [
            *("endpoints", "events", "limitranges", "pods/log", "pods/status", "resourcequotas"),
            *("serviceaccounts",),
        ],
        "verbs": _READ,
    },
    {
        "api_groups": ["apps", "batch", "autoscaling", "policy"],
        "resources": [
            *("deployments", "deployments/scale", "statefulsets", "statefulsets/scale"),
            *("daemonsets", "replicasets", "replicasets/scale", "jobs", "cronjobs"),
            *("horizontalpodautoscalers", "poddisruptionbudgets"),
        ],
        "verbs": _ALL,
    },
    {"api_groups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": _READ},
    {
        "api_groups": ["metrics.k8s.io"],
        "resources": ["pods"],
        "verbs": _READ,
    },
]


class Workspace(pulumi.ComponentResource):
    """A team's namespace: what it may use, who may use it, and where its pods may connect to.

    Its pods are held to Pod Security's `restricted`. They reach each other, the names, the gateway
    and what is named here, and are reached by each other and the gateway alone. What the team has
    elsewhere, a bucket, a database and so on, its pods find in Secrets of the namespace.

    Example:
        >>> from cumulo.platform import Workspace
        >>> vision = Workspace(
        ...     "vision",
        ...     {
        ...         "quota": {"cpu": "32", "memory": "256Gi", "gpus": 4},
        ...         "reach": ["10.1.0.0/24"],
        ...         "bucket": {
        ...             "endpoint": "https://objects.example.org:8080",
        ...             "region": "RegionOne",
        ...             "bucket": "vision",
        ...             "access_key": "a1b2",
        ...             "secret_key": pulumi.Output.secret("c3d4"),
        ...         },
        ...     },
        ... )
        >>> pulumi.export("namespace", vision.handle.namespace)
    """

    handle: WorkspaceHandle
    """What other components take."""

    def __init__(
        self, name: str, args: WorkspaceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        component = title(Workspace, name)
        check(component, name, args)
        super().__init__("cumulo:index:Workspace", name, {}, opts)
        self._name = name
        self._args = args
        self._component = component
        self._group = args.get("group", name)
        self._namespace = args.get("namespace", name)
        namespace = k8s.core.v1.Namespace(
            f"{name}-namespace",
            metadata={
                "name": self._namespace,
                "labels": {
                    "cumulo.dev/team": self._namespace,
                    **{
                        f"pod-security.kubernetes.io/{mode}": "restricted"
                        for mode in ("enforce", "audit", "warn")
                    },
                },
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._opts = pulumi.ResourceOptions(parent=self, depends_on=[namespace])
        needs: list[pulumi.Resource] = [
            namespace,
            *self._limits(),
            *self._people(),
            *self._policies(),
        ]
        found = self._environment()
        secrets = {about: self._secret(about, values) for about, values in found.items()}
        authorities = k8s.core.v1.ConfigMap(
            f"{name}-authorities",
            metadata=self._meta(_AUTHORITIES),
            data=self._authorities(),
            opts=self._opts,
        )
        needs += [*secrets.values(), authorities, *self._account()]
        self.handle = WorkspaceHandle(
            name=name,
            needs=tuple(needs),
            namespace=pulumi.Output.from_input(self._namespace),
            group=self._group,
            service_account=SERVICE_ACCOUNT,
            environment={about: about for about in sorted(secrets)},
            authorities=_AUTHORITIES,
        )
        self.register_outputs({"namespace": self._namespace})

    def _meta(self, name: str) -> dict[str, Any]:
        return {"name": name, "namespace": self._namespace}

    def _limits(self) -> list[pulumi.Resource]:
        quota = self._args["quota"]
        container = self._args.get("container", Container())
        memory = container.get("memory", "512Mi")
        return [
            k8s.core.v1.ResourceQuota(
                f"{self._name}-quota",
                metadata=self._meta("team"),
                spec={
                    "hard": {
                        "requests.cpu": quota["cpu"],
                        "requests.memory": quota["memory"],
                        "limits.memory": quota["memory"],
                        "requests.nvidia.com/gpu": str(quota.get("gpus", 0)),
                        "requests.storage": quota.get("storage", "100Gi"),
                        "pods": str(quota.get("pods", 100)),
                        # What would lead past the gateway.
                        "services.loadbalancers": "0",
                        "services.nodeports": "0",
                    }
                },
                opts=self._opts,
            ),
            k8s.core.v1.LimitRange(
                f"{self._name}-limits",
                metadata=self._meta("team"),
                spec={
                    "limits": [
                        {
                            "type": "Container",
                            "default": {"memory": memory},
                            "default_request": {
                                "cpu": container.get("cpu", "100m"),
                                "memory": memory,
                            },
                        }
                    ]
                },
                opts=self._opts,
            ),
        ]

    def _people(self) -> list[pulumi.Resource]:
        role = k8s.rbac.v1.Role(
            f"{self._name}-role", metadata=self._meta("team"), rules=_RULES, opts=self._opts
        )
        prefix = self._args.get("group_prefix", "oidc:")
        binding = k8s.rbac.v1.RoleBinding(
            f"{self._name}-people",
            metadata=self._meta("team"),
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "Role", "name": "team"},
            subjects=[
                {
                    "api_group": "rbac.authorization.k8s.io",
                    "kind": "Group",
                    "name": f"{prefix}{self._group}",
                }
            ],
            opts=self._opts,
        )
        return [role, binding]

    def _policies(self) -> list[pulumi.Resource]:
        own: dict[str, Any] = {"pod_selector": {}}
        ingress: list[dict[str, Any]] = [{"from": [own]}]
        egress: list[dict[str, Any]] = [
            {"to": [own]},
            {
                "to": [_pods("kube-system")],
                "ports": [{"port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")],
            },
        ]
        if "gateway" in self._args:
            gateway = self._args["gateway"]
            pods = _pods(gateway.namespace, gateway.labels)
            ingress.append({"from": [pods]})
            egress.append({"to": [pods], "ports": [{"port": Site.port, "protocol": "TCP"}]})
        if "database" in self._args:
            database = self._args["database"]
            namespace = database.host.apply(lambda host: database_namespace(self._component, host))
            egress.append(
                {
                    "to": [_pods(namespace)],
                    "ports": [{"port": database.port, "protocol": "TCP"}],
                }
            )
        reach = self._args.get("reach", ())
        if WORLD in reach:
            egress.append({"to": [_range("0.0.0.0/0")]})
        elif reach:
            egress.append({"to": [_range(one) for one in reach]})
        return [
            k8s.networking.v1.NetworkPolicy(
                f"{self._name}-{suffix}",
                metadata=self._meta(suffix),
                spec={"pod_selector": {}, "policy_types": ["Ingress", "Egress"], **rules},
                opts=self._opts,
            )
            for suffix, rules in (
                # Said on its own, so that it stays when somebody looks for what to take away.
                ("nothing-else", {}),
                ("team", {"ingress": ingress, "egress": egress}),
            )
        ]

    def _environment(self) -> dict[str, dict[str, pulumi.Input[str]]]:
        """The variables of the team's pods, by what they are about."""
        args = self._args
        found: dict[str, dict[str, pulumi.Input[str]]] = {}
        if "bucket" in args:
            bucket = args["bucket"]
            found["bucket"] = {
                "BUCKET": bucket["bucket"],
                "AWS_ENDPOINT_URL_S3": bucket["endpoint"],
                "AWS_DEFAULT_REGION": bucket["region"],
                "AWS_ACCESS_KEY_ID": bucket["access_key"],
                "AWS_SECRET_ACCESS_KEY": bucket["secret_key"],
                **({"AWS_CA_BUNDLE": f"{AUTHORITIES}/bucket.crt"} if "ca" in bucket else {}),
            }
        if "database" in args:
            database = args["database"]
            found["database"] = {
                "PGHOST": database.host,
                "PGPORT": str(database.port),
                "PGDATABASE": database.database,
                "PGUSER": database.user,
                "PGPASSWORD": database.password,
                "PGSSLMODE": "verify-full",
                "PGSSLROOTCERT": f"{AUTHORITIES}/database.crt",
            }
        if "models" in args:
            found["models"] = {
                "MLFLOW_TRACKING_URI": args["models"].url,
                "MLFLOW_WORKSPACE": self._group,
            }
        if "client" in args:
            client = args["client"]
            found["client"] = {
                "OIDC_TOKEN_ENDPOINT": client["token_endpoint"],
                "OIDC_CLIENT_ID": client["client_id"],
                "OIDC_CLIENT_SECRET": client["client_secret"],
            }
        return found

    def _authorities(self) -> dict[str, pulumi.Input[str]]:
        found: dict[str, pulumi.Input[str]] = {}
        if "ca" in self._args.get("bucket", {}):
            found["bucket.crt"] = self._args["bucket"]["ca"]
        if "database" in self._args:
            found["database.crt"] = self._args["database"].ca
        return found

    def _secret(self, about: str, values: Mapping[str, pulumi.Input[str]]) -> pulumi.Resource:
        made: pulumi.Resource = k8s.core.v1.Secret(
            f"{self._name}-{about}",
            metadata=self._meta(about),
            string_data=values,
            opts=self._opts,
        )
        return made

    def _account(self) -> list[pulumi.Resource]:
        """What pods run as: it has no rights, and the password for the team's images."""
        made: list[pulumi.Resource] = []
        pull: list[dict[str, str]] = []
        if "registry" in self._args:
            registry = self._args["registry"]
            login: pulumi.Output[str] = pulumi.Output.all(
                registry["hostname"], registry["password"]
            ).apply(lambda known: _docker(str(known[0]), registry["project"], str(known[1])))
            secret: pulumi.Output[str] = pulumi.Output.secret(login)
            made.append(
                k8s.core.v1.Secret(
                    f"{self._name}-registry",
                    metadata=self._meta("registry"),
                    type="kubernetes.io/dockerconfigjson",
                    string_data={".dockerconfigjson": secret},
                    opts=self._opts,
                )
            )
            pull = [{"name": "registry"}]
        made.append(
            k8s.core.v1.ServiceAccount(
                f"{self._name}-account",
                metadata=self._meta(SERVICE_ACCOUNT),
                automount_service_account_token=False,
                image_pull_secrets=pull,
                opts=self._opts,
            )
        )
        return made


def _pods(
    namespace: pulumi.Input[str], labels: pulumi.Input[Mapping[str, str]] | None = None
) -> dict[str, Any]:
    return {
        "namespace_selector": {"match_labels": {_NAMESPACE: namespace}},
        **({} if labels is None else {"pod_selector": {"match_labels": labels}}),
    }


def _range(cidr: str) -> dict[str, Any]:
    return {"ip_block": {"cidr": cidr}}


def _docker(hostname: str, user: str, password: str) -> str:
    coded = base64.b64encode(f"{user}:{password}".encode()).decode()
    return json.dumps(
        {"auths": {hostname: {"username": user, "password": password, "auth": coded}}}
    )
