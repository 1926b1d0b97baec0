"""Objects of many kinds, as programs write them; nothing in it waits for a node."""

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_kubernetes.yaml.v2 import ConfigGroup

config = pulumi.Config()
provider = kubernetes.Provider("cluster", kubeconfig=config.require("kubeconfig"))
on_cluster = pulumi.ResourceOptions(provider=provider)

namespace = kubernetes.core.v1.Namespace("apps", opts=on_cluster)
inside = {"namespace": namespace.metadata.name}
labels = {"app": "web"}

settings = kubernetes.core.v1.ConfigMap(
    "settings", metadata=inside, data={"text": config.get("text") or "1"}, opts=on_cluster
)
secret = kubernetes.core.v1.Secret(
    "secret",
    metadata={**inside, "name": "secret"},
    string_data={"password": pulumi.Output.secret("hunter2")},
    opts=on_cluster,
)
account = kubernetes.core.v1.ServiceAccount("robot", metadata=inside, opts=on_cluster)
role = kubernetes.rbac.v1.Role(
    "reader",
    metadata=inside,
    rules=[{"api_groups": [""], "resources": ["pods"], "verbs": ["get", "list"]}],
    opts=on_cluster,
)
kubernetes.rbac.v1.RoleBinding(
    "reads",
    metadata=inside,
    role_ref={
        "api_group": "rbac.authorization.k8s.io",
        "kind": "Role",
        "name": role.metadata.name,
    },
    subjects=[{"kind": "ServiceAccount", "name": account.metadata.name, **inside}],
    opts=on_cluster,
)
web = kubernetes.apps.v1.Deployment(
    "web",
    metadata={**inside, "annotations": {"pulumi.com/skipAwait": "true"}},
    spec={
        "replicas": 1,
        "selector": {"match_labels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {
                "host_network": False,
                "node_selector": {"test.dev/no": "such-node"},
                "containers": [
                    {
                        "name": "web",
                        "image": "example.invalid/web:1",
                        "ports": [{"container_port": 80}],
                        "resources": {
                            "requests": {"cpu": "1000m", "memory": "1024Mi"},
                            "limits": {"cpu": 2},
                        },
                        "env": [{"name": "TEXT", "value": "1000m"}],
                        "env_from": [{"config_map_ref": {"name": settings.metadata.name}}],
                        "volume_mounts": [{"name": "scratch", "mount_path": "/scratch"}],
                    }
                ],
                "volumes": [{"name": "scratch", "empty_dir": {}}],
            },
        },
    },
    opts=on_cluster,
)
service = kubernetes.core.v1.Service(
    "web",
    metadata=inside,
    spec={"selector": {"app": "nobody"}, "ports": [{"port": 80, "target_port": "http"}]},
    opts=on_cluster,
)
kubernetes.autoscaling.v2.HorizontalPodAutoscaler(
    "web",
    metadata=inside,
    spec={
        "max_replicas": 3,
        "scale_target_ref": {
            "api_version": "apps/v1",
            "kind": "Deployment",
            "name": web.metadata.name,
        },
        "metrics": [
            {
                "type": "Resource",
                "resource": {
                    "name": "cpu",
                    "target": {"type": "Utilization", "average_utilization": 50},
                },
            }
        ],
    },
    opts=on_cluster,
)
kubernetes.policy.v1.PodDisruptionBudget(
    "web",
    metadata=inside,
    spec={"min_available": "50%", "selector": {"match_labels": labels}},
    opts=on_cluster,
)
kubernetes.networking.v1.NetworkPolicy(
    "none", metadata=inside, spec={"pod_selector": {}, "policy_types": ["Ingress"]}, opts=on_cluster
)
kubernetes.batch.v1.CronJob(
    "nightly",
    metadata=inside,
    spec={
        "schedule": "0 3 * * *",
        "suspend": True,
        "job_template": {
            "spec": {
                "template": {
                    "spec": {
                        "restart_policy": "Never",
                        "containers": [{"name": "job", "image": "example.invalid/job:1"}],
                    }
                }
            }
        },
    },
    opts=on_cluster,
)
kubernetes.core.v1.ConfigMapPatch(
    "more",
    metadata={
        **inside,
        "name": settings.metadata.name,
        "annotations": {"pulumi.com/patchFieldManager": "more"},
    },
    data={"more": "2"},
    opts=on_cluster,
)
group = config.require("group")
definition = kubernetes.apiextensions.v1.CustomResourceDefinition(
    "planets",
    metadata={"name": f"planets.{group}"},
    spec={
        "group": group,
        "scope": "Namespaced",
        "names": {"kind": "Planet", "plural": "planets", "singular": "planet"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "open_apiv3_schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "x_kubernetes_preserve_unknown_fields": True,
                            }
                        },
                    }
                },
            }
        ],
    },
    opts=on_cluster,
)
kubernetes.apiextensions.CustomResource(
    "mars",
    api_version=f"{group}/v1",
    kind="Planet",
    metadata=inside,
    spec={"moons": ["phobos", "deimos"], "mass": 0.107, "rings": False},
    opts=pulumi.ResourceOptions(provider=provider, depends_on=[definition]),
)
ConfigGroup(
    "manifests",
    yaml=namespace.metadata.name.apply(
        lambda name: (
            f"""
apiVersion: v1
kind: ConfigMap
metadata: {{name: from-yaml, namespace: {name}}}
data: {{a: "1"}}
"""
        )
    ),
    opts=pulumi.ResourceOptions(providers=[provider]),
)
pulumi.export("namespace", namespace.metadata.name)
pulumi.export("address", service.spec.cluster_ip)
pulumi.export("uid", settings.metadata.uid)
