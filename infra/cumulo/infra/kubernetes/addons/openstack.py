"""OpenStack's cloud controller manager: what nodes and services have to do with the cloud."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s
from cumulo.infra.arguments import ArgumentError, check_choice, check_fields
from cumulo.infra.kubernetes.addons.rbac import role, rule
from cumulo.infra.kubernetes.arguments import KubernetesHandle
from cumulo.infra.lookup import ask, external_network
from cumulo.infra.network import NetworkHandle
from cumulo.infra.versions import OPENSTACK_CLOUD_CONTROLLER_MANAGER
from pulumi_openstack import identity

_NAME = "openstack-cloud-controller-manager"
_ACCOUNT = {"name": "cloud-controller-manager", "namespace": "kube-system"}
_LABELS = {"k8s-app": _NAME}
_CONFIG = "/etc/config"
_PORT = 10258


class OpenStackArgs(TypedDict):
    """What a cluster has to know of the cloud that its nodes are servers of."""

    network: NetworkHandle
    """The network that its servers are on. Load balancers of its services have an address there,
    and a floating IP of its external network."""
    roles: NotRequired[Sequence[str]]
    """The roles of the application credential by which the cluster asks OpenStack, in the project
    of whoever runs the program. Default: `member` and `reader`. Octavia wants
    `load-balancer_member` besides, where it has roles of its own."""
    loadbalancer_provider: NotRequired[Literal["ovn", "amphora"]]
    """Octavia's provider for load balancers of services. Default: `ovn`."""
    authority: NotRequired[pulumi.Input[str]]
    """The certificate that the cloud's own are signed by, as PEM, if none that everybody trusts."""


def check_openstack(component: str, cluster: KubernetesHandle, args: OpenStackArgs | None) -> None:
    """Refuses a cluster that waits for what is not there, or the other way round."""
    if args is not None:
        check_fields(component, OpenStackArgs, args, "openstack.")
        octavia = args.get("loadbalancer_provider", "ovn")
        check_choice(component, "openstack.loadbalancer_provider", octavia, ("ovn", "amphora"))
    # What another stack says is known only while the program runs.
    if not isinstance(cluster.cloud_provider, bool):
        return
    if cluster.cloud_provider and args is None:
        raise ArgumentError(
            component,
            "openstack",
            f"required: cluster '{cluster.name}' has cloud_provider, so its nodes take nothing "
            "before the cloud controller manager has seen them",
        )
    if args is not None and not cluster.cloud_provider:
        raise ArgumentError(
            component,
            "openstack",
            f"cluster '{cluster.name}' needs `cloud_provider: True` for it, or its nodes do not "
            "wait to be told which servers they are",
        )


def cloud_controller_manager(
    name: str,
    component: str,
    parent: pulumi.ComponentResource,
    cluster: KubernetesHandle,
    args: OpenStackArgs,
    opts: pulumi.ResourceOptions,
) -> pulumi.Resource:
    """Puts the cloud controller manager on the servers of the control plane.

    Args:
        name: What the resources' names begin with.
        component: What messages call the component.
        parent: The component.
        cluster: The cluster.
        args: What it has to know of the cloud.
        opts: The resources' options.

    Returns:
        The daemon set: while it runs, services get their load balancers, and lose them.
    """
    # An automatic name, so that a new credential is there before the old one goes.
    credential = identity.ApplicationCredential(
        f"{name}-credential",
        description=f"Nodes and load balancers of Kubernetes cluster '{cluster.name}'",
        roles=list(args.get("roles", ("member", "reader"))),
        opts=pulumi.ResourceOptions(parent=parent),
    )
    network = args["network"]
    told = pulumi.Output.all(
        login=_login(parent, component, name),
        id=credential.id,
        secret=credential.secret,
        external=_external(parent, component, network),
        subnet=network.subnet_id,
    )
    octavia = args.get("loadbalancer_provider", "ovn")
    private = "authority" in args
    conf = told.apply(lambda known: _conf(known, octavia, private))
    files: dict[str, pulumi.Input[str]] = {"cloud.conf": conf}
    if private:
        files["ca.crt"] = args["authority"]
    secret = k8s.core.v1.Secret(
        f"{name}-config",
        metadata={"name": "cloud-config", "namespace": "kube-system"},
        string_data=files,
        opts=opts,
    )
    allowed = _permissions(name, opts)
    # Names of load balancers are by this; two clusters of a project may be called the same.
    unique = network.network_id.apply(lambda known: f"{cluster.name}-{known[:8]}")
    managers: pulumi.Resource = k8s.apps.v1.DaemonSet(
        f"{name}-managers",
        metadata={"name": _NAME, "namespace": "kube-system", "labels": _LABELS},
        spec={
            "selector": {"match_labels": _LABELS},
            "template": {
                "metadata": {
                    "labels": _LABELS,
                    # It reads its configuration once.
                    "annotations": {"cumulo.dev/cloud-config": _digest(files)},
                },
                "spec": _pod(unique, cluster.version, secret.metadata["name"]),
            },
        },
        opts=pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(depends_on=[*allowed, secret])
        ),
    )
    return managers


def _pod(
    cluster: pulumi.Input[str], kubernetes: pulumi.Input[str], secret: pulumi.Input[str]
) -> dict[str, Any]:
    probe = {"path": "/healthz", "port": _PORT, "host": "127.0.0.1", "scheme": "HTTPS"}
    return {
        "host_network": True,
        # The cluster's own name server waits for nodes, and they for this.
        "dns_policy": "Default",
        "priority_class_name": "system-cluster-critical",
        "service_account_name": _ACCOUNT["name"],
        "node_selector": {"node-role.kubernetes.io/control-plane": ""},
        "tolerations": [
            {"key": key, "operator": "Exists", "effect": "NoSchedule"}
            for key in (
                "node.cloudprovider.kubernetes.io/uninitialized",
                "node-role.kubernetes.io/control-plane",
                "node.kubernetes.io/not-ready",
            )
        ],
        "security_context": {"run_as_user": 1001, "run_as_non_root": True},
        "containers": [
            {
                "name": _NAME,
                "image": pulumi.Output.from_input(kubernetes).apply(_image),
                "command": [f"/bin/{_NAME}"],
                "args": [
                    "--v=1",
                    pulumi.Output.concat("--cluster-name=", cluster),
                    f"--cloud-config={_CONFIG}/cloud.conf",
                    "--cloud-provider=openstack",
                    "--use-service-account-credentials=false",
                    "--bind-address=127.0.0.1",
                    f"--secure-port={_PORT}",
                ],
                "liveness_probe": {
                    "http_get": probe,
                    "initial_delay_seconds": 20,
                    "period_seconds": 30,
                    "timeout_seconds": 5,
                },
                "resources": {"requests": {"cpu": "100m", "memory": "50Mi"}},
                "security_context": {
                    "allow_privilege_escalation": False,
                    "read_only_root_filesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volume_mounts": [{"name": "config", "mount_path": _CONFIG, "read_only": True}],
            }
        ],
        "volumes": [{"name": "config", "secret": {"secret_name": secret}}],
    }


def _permissions(name: str, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
    """What upstream's manifest allows, but for what only other switches would need."""
    account = k8s.core.v1.ServiceAccount(f"{name}-account", metadata=_ACCOUNT, opts=opts)
    rules = k8s.rbac.v1.ClusterRole(
        f"{name}-role",
        metadata={"name": "system:cloud-controller-manager"},
        rules=[
            rule("coordination.k8s.io", ["leases"], "get", "create", "update"),
            rule("", ["events"], "create", "patch", "update"),
            rule("", ["nodes"], "get", "list", "watch", "update", "patch", "delete"),
            rule("", ["nodes/status"], "patch"),
            rule("", ["services"], "list", "patch", "update", "watch"),
            rule("", ["services/status"], "patch"),
        ],
        opts=opts,
    )
    within = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[rules, account]))
    subjects = [{"kind": "ServiceAccount", **_ACCOUNT}]
    return [
        k8s.rbac.v1.ClusterRoleBinding(
            f"{name}-binding",
            metadata={"name": "system:cloud-controller-manager"},
            role_ref=role("ClusterRole", "system:cloud-controller-manager"),
            subjects=subjects,
            opts=within,
        ),
        # How the API server shows who it is, for the port that tells its health.
        k8s.rbac.v1.RoleBinding(
            f"{name}-reader",
            metadata={
                "name": "cloud-controller-manager:apiserver-authentication-reader",
                "namespace": "kube-system",
            },
            role_ref=role("Role", "extension-apiserver-authentication-reader"),
            subjects=subjects,
            opts=within,
        ),
    ]


def _login(
    parent: pulumi.ComponentResource, component: str, name: str
) -> pulumi.Output[dict[str, str]]:
    """Where the program's own provider logs in, and the region that it is for."""

    async def look(asked: str) -> dict[str, str]:
        scope = await ask(
            parent,
            component,
            "openstack",
            "openstack:identity/getAuthScope:getAuthScope",
            name=asked,
        )
        region = scope.get("region")
        for service in scope["serviceCatalogs"]:
            for endpoint in service["endpoints"]:
                if (
                    service["type"] == "identity"
                    and endpoint["interface"] == "public"
                    and region in (None, "", endpoint["region"])
                ):
                    return {"auth-url": endpoint["url"], "region": endpoint["region"]}
        raise ArgumentError(
            component,
            "openstack",
            f"the cloud's catalog has no public identity endpoint in region {region!r}",
        )

    return pulumi.Output.from_input(name).apply(look)


def _external(
    parent: pulumi.ComponentResource, component: str, network: NetworkHandle
) -> pulumi.Output[str]:
    async def look(wanted: str) -> str:
        found = await external_network(parent, component, "openstack.network", wanted)
        return str(found["id"])

    return pulumi.Output.from_input(network.external_network).apply(look)


def _conf(known: Mapping[str, Any], octavia: str, private: bool) -> str:
    sections = {
        "Global": {
            **known["login"],
            "application-credential-id": known["id"],
            "application-credential-secret": known["secret"],
            **({"ca-file": f"{_CONFIG}/ca.crt"} if private else {}),
        },
        "LoadBalancer": {
            "lb-provider": octavia,
            "lb-method": "SOURCE_IP_PORT" if octavia == "ovn" else "ROUND_ROBIN",
            "floating-network-id": known["external"],
            "subnet-id": known["subnet"],
            "create-monitor": "true",
            # It calls a load balancer ACTIVE while it still makes what else was asked for with
            # it; a floating IP that comes meanwhile may get lost, and monitors come too early.
            "provider-requires-serial-api-calls": "true" if octavia == "ovn" else "false",
        },
    }
    return "\n".join(
        "\n".join((f"[{section}]", *(f"{key}={_quoted(value)}" for key, value in lines.items())))
        for section, lines in sections.items()
    )


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _image(kubernetes: str) -> str:
    minor = kubernetes.rpartition(".")[0]
    # Its minor version is Kubernetes' own.
    version = OPENSTACK_CLOUD_CONTROLLER_MANAGER.get(minor, f"{minor}.0")
    return f"registry.k8s.io/provider-os/{_NAME}:v{version}"


def _digest(files: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
    """Of files that nobody could guess, so that it need not be secret as they are."""
    return pulumi.Output.unsecret(
        pulumi.Output.json_dumps(files).apply(
            lambda known: hashlib.sha256(known.encode()).hexdigest()[:16]
        )
    )
