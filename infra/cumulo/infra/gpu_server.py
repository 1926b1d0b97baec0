"""A server that is asked for by its GPUs."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict

import pulumi
from cumulo.infra.arguments import ArgumentError, check_at_least, check_fields, title
from cumulo.infra.lookup import NotInCloudError, ask
from cumulo.infra.server import InstanceArgs, Server, ServerHandle

_ALIAS = "pci_passthrough:alias"


class Gpu(TypedDict):
    """GPUs by model and number, and where to look for them."""

    model: str
    """The alias by which Nova knows the model, as `h200`."""
    count: int
    """How many a server has."""
    flavors: Sequence[str]
    """The names of the flavors to choose from. OpenStack's official provider can look a flavor
    up but cannot list them."""


class GpuServerArgs(InstanceArgs):
    """Arguments of `GpuServer`."""

    gpu: Gpu
    """The GPUs that the server needs."""


class GpuServer(pulumi.ComponentResource):
    """A server whose flavor is found by what its GPUs are.

    Preview fails where no flavor gives exactly those GPUs, with the list of those that the cloud
    has. Whether one is free is for OpenStack to say, when the server is made.

    Example:
        >>> from cumulo.infra import WORLD, GpuServer, Network, SecurityGroup
        >>> network = Network("lab", {"cidr": "192.168.60.0/24", "external_network": "public"})
        >>> ssh = SecurityGroup(
        ...     "ssh", {"rules": {"ssh": {"protocol": "tcp", "port": 22, "remote": WORLD}}}
        ... )
        >>> server = GpuServer(
        ...     "trainer",
        ...     {
        ...         "gpu": {"model": "h200", "count": 2, "flavors": ["gpu.h200.1", "gpu.h200.2"]},
        ...         "image": "debian-13",
        ...         "network": network.handle,
        ...         "security_groups": [ssh.handle],
        ...     },
        ... )
        >>> pulumi.export("trainer", server.handle.address)
    """

    handle: ServerHandle
    """What other components take."""
    flavor: pulumi.Output[str]
    """The name of the flavor that was found."""

    def __init__(
        self, name: str, args: GpuServerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        component = title(GpuServer, name)
        check_fields(component, GpuServerArgs, args)
        gpu = args["gpu"]
        _check_gpu(component, gpu)
        super().__init__("cumulo:index:GpuServer", name, {}, opts)

        self.flavor = pulumi.Output.from_input(_find_flavor(self, component, gpu))
        server = Server(
            f"{name}-server",
            {
                **{key: value for key, value in args.items() if key != "gpu"},  # type: ignore[typeddict-item]
                "flavor": self.flavor,
                "hostname": name,
            },
            pulumi.ResourceOptions(parent=self),
        )
        self.handle = replace(server.handle, name=name)
        self.register_outputs({**self.handle.outputs(), "flavor": self.flavor})


def gpu_flavor(gpu: Gpu, parent: pulumi.Resource) -> pulumi.Output[str]:
    """The name of the flavor with exactly these GPUs, for a `ServerPool` of them.

    Args:
        gpu: What to look for.
        parent: Whose provider asks the cloud, and whom messages name.
    """
    component = title(parent, parent._name)
    _check_gpu(component, gpu)
    return pulumi.Output.from_input(_find_flavor(parent, component, gpu))


def _check_gpu(component: str, gpu: Gpu) -> None:
    check_fields(component, Gpu, gpu, "gpu.")
    check_at_least(component, "gpu.count", gpu["count"], 1)
    if isinstance(gpu["flavors"], str) or not gpu["flavors"]:
        raise ArgumentError(component, "gpu.flavors", "a list of at least one flavor is needed")


async def _find_flavor(parent: pulumi.Resource, component: str, gpu: Gpu) -> str:
    answers = await asyncio.gather(
        *(_flavor(parent, component, flavor) for flavor in gpu["flavors"])
    )
    known = dict(zip(gpu["flavors"], answers, strict=True))
    gpus = {name: _gpus(flavor) for name, flavor in known.items() if flavor is not None}
    wanted = {gpu["model"]: gpu["count"]}
    for name, offered in gpus.items():
        if offered == wanted:
            return name
    missing = [name for name, flavor in known.items() if flavor is None]
    raise ArgumentError(component, "gpu", _no_such_flavor(gpu, gpus, missing))


async def _flavor(parent: pulumi.Resource, component: str, name: str) -> Mapping[str, Any] | None:
    function = "openstack:compute/getFlavor:getFlavor"
    try:
        return await ask(parent, component, "gpu.flavors", function, name=name)
    except NotInCloudError:
        return None


def _gpus(flavor: Mapping[str, Any]) -> dict[str, int]:
    """GPUs by model, from Nova's `alias:count,alias:count`."""
    alias = (flavor.get("extraSpecs") or {}).get(_ALIAS, "")
    pairs = (part.strip().partition(":") for part in alias.split(",") if part.strip())
    return {model: int(count or 1) for model, _, count in pairs}


def _no_such_flavor(gpu: Gpu, gpus: Mapping[str, Mapping[str, int]], missing: list[str]) -> str:
    offers = [
        f"{' + '.join(f'{count} x {model}' for model, count in offered.items())} ({name})"
        for name, offered in gpus.items()
        if offered
    ]
    plain = [name for name, offered in gpus.items() if not offered]
    parts = [
        f"no flavor has {gpu['count']} x {gpu['model']}",
        f"of those in gpu.flavors the cloud has {', '.join(offers) or 'none with GPUs'}",
    ]
    if plain:
        parts.append(f"without GPUs: {', '.join(plain)}")
    if missing:
        parts.append(f"not in the cloud: {', '.join(missing)}")
    return "; ".join(parts)
