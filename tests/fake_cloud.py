"""A cloud that answers at once, so that components can be looked at without one."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import grpc
import pulumi
from cumulo.infra.versions import KUBERNETES, REGISTRY

Properties = dict[str, Any]
T = TypeVar("T")


class Refusal(grpc.RpcError):  # type: ignore[misc]
    """A provider's error, as the engine passes it on."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return f"invocation of some:function returned an error: {self}"


class Hooks:
    """Takes the engine's part where hooks are registered, which the SDK's mocks leave out."""

    def __init__(self) -> None:
        self.known: dict[str, pulumi.ResourceHook] = {}

    def register_resource_hook(self, hook: pulumi.ResourceHook) -> None:
        assert hook.name not in self.known, f"{hook.name} is registered twice"
        self.known[hook.name] = hook


def _secret(value: str) -> Properties:
    """A value, as the engine answers with it where it is a secret."""
    return {
        "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
        "value": value,
    }


class FakeCloud(pulumi.runtime.Mocks):
    """Records what a program registers and answers its questions from a small inventory."""

    def __init__(self) -> None:
        self.resources: dict[str, pulumi.runtime.MockResourceArgs] = {}
        self.components: list[str] = []
        self.hooks = Hooks()
        self.images = {"debian-13", "kubernetes-node", "registry-image"}
        self.node_image_version = KUBERNETES
        self.flavors: dict[str, dict[str, str]] = {
            "m1.small": {},
            "m1.medium": {},
            "m1.large": {},
            "k8s.control": {},
            "k8s.node": {},
            "gpu.h200.1": {"pci_passthrough:alias": "h200:1"},
            "gpu.h200.2": {"pci_passthrough:alias": "h200:2"},
            "gpu.h200.8": {"pci_passthrough:alias": "h200:8"},
        }
        self.properties: dict[str, dict[str, str]] = {
            "kubernetes-node": {"kubernetes_version": KUBERNETES},
        }
        self.memory = {"m1.small": 512}
        self.external_networks = {"public": ["203.0.113.0/24"]}
        self.hides_external_subnets = False
        self.region = "RegionOne"
        self.roles = {"member", "object-store-user"}
        self.catalog = [
            {
                "type": kind,
                "endpoints": [
                    {"interface": interface, "region": region, "url": f"https://{region}/{kind}"}
                    for interface in ("internal", "public")
                    for region in ("RegionOne", "RegionTwo")
                ],
            }
            for kind in ("compute", "identity", "object-store")
        ]
        self.reachable = True
        self.empty_answer = "Your query returned no results. Please change your search criteria"

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, Properties]:
        if not args.custom:
            self.components.append(args.typ)
            return None, dict(args.inputs)
        assert args.name not in self.resources, f"{args.name} is registered twice"
        self.resources[args.name] = args
        outputs = dict(args.inputs)
        number = len(self.resources)
        if args.typ.endswith(":Port"):
            outputs["allFixedIps"] = [f"192.168.60.{number}"]
        if args.typ.endswith(":FloatingIp"):
            outputs["address"] = f"203.0.113.{number}"
        if args.typ.endswith(":LoadBalancer"):
            outputs |= {"vipAddress": "192.168.60.99", "vipPortId": f"{args.name}-vip"}
        if args.typ.endswith(":ApplicationCredential"):
            outputs["secret"] = f'SECRET "{args.name}"'
        if args.typ.endswith(":RandomPassword"):
            outputs["result"] = _secret(f"PASSWORD {args.name}")
        if args.typ.endswith(":Ec2CredentialV3"):
            outputs |= {"access": f"{args.name}-access", "secret": f"SECRET {args.name}"}
        if args.typ.startswith("tls:"):
            outputs |= {
                "privateKeyPem": f"KEY {args.name}\n",
                "publicKeyPem": f"PUBLIC KEY {args.name}\n",
                "certRequestPem": f"REQUEST {args.name}\n",
                "certPem": f"CERTIFICATE {args.name}\n",
            }
        return f"{args.name}-id", outputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> Properties:  # type: ignore[override]
        if not self.reachable:
            raise Refusal("connection refused by 203.0.113.5:5000")
        question = args.token.rpartition(":")[2]
        asked = args.args
        if question == "getFlavor" and asked["name"] in self.flavors:
            name = asked["name"]
            memory = self.memory.get(name, 4096)
            return {"name": name, "ram": memory, "extraSpecs": self.flavors[name]}
        if question == "getImage" and "properties" in asked:
            if asked["properties"] == {"kubernetes_version": self.node_image_version}:
                return {"name": "kubernetes-node", "id": "kubernetes-node-id"}
            if asked["properties"] == {"registry_version": REGISTRY}:
                return {"name": "registry-image", "id": "registry-image-id"}
        elif question == "getImage" and asked["name"] in self.images:
            name = asked["name"]
            return {"name": name, "id": f"{name}-id", "properties": self.properties.get(name, {})}
        if question == "getNetwork" and asked["name"] in self.external_networks:
            return {"id": f"{asked['name']}-id", "subnets": self.external_networks[asked["name"]]}
        if question == "getAuthScope":
            return {
                "region": self.region,
                "serviceCatalogs": self.catalog,
                "projectId": "project-id",
            }
        if question == "getRole" and asked["name"] in self.roles:
            return {"id": f"{asked['name']}-id"}
        if question == "getSubnet" and not self.hides_external_subnets:
            return {"cidr": asked["subnetId"]}
        raise Refusal(self.empty_answer)

    def run(self, program: Callable[[], T], stack: str = "test") -> T:
        """Runs a program to its end, as a preview would, and returns what it returns."""
        pulumi.runtime.set_mocks(self, project="cumulo", stack=stack, preview=True)
        pulumi.runtime.settings.SETTINGS.callbacks = self.hooks
        # As the language host does: outputs that nobody awaits when a program fails are no news.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        results: list[T] = []
        pulumi.runtime.test(lambda: results.append(program()))()  # type: ignore[no-untyped-call]
        return results[0]

    def inputs(self, name: str) -> Properties:
        """What the program said about a resource."""
        return dict(self.resources[name].inputs)

    def of_type(self, suffix: str) -> dict[str, Properties]:
        """The inputs of all resources whose type ends so, by name."""
        return {
            name: dict(args.inputs)
            for name, args in sorted(self.resources.items())
            if args.typ.endswith(f":{suffix}")
        }
