"""A registry of container images, outside of the clusters that pull from it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pulumi
import pulumi_random as random
from cumulo.infra.arguments import check_fields, title
from cumulo.infra.authority import Authority, Credential
from cumulo.infra.kubernetes import operation
from cumulo.infra.registry import configuration
from cumulo.infra.registry.arguments import (
    CACHE_DAYS,
    DAILY_AT,
    HOSTNAME,
    IMAGES,
    PORT,
    PULL,
    UPSTREAMS,
    Bucket,
    BucketArgs,
    GarbageCollection,
    RegistryArgs,
    RegistryHandle,
    Retention,
    Upstream,
    check,
)
from cumulo.infra.registry.configuration import Access, Cache
from cumulo.infra.security_group import Rule, SecurityGroup
from cumulo.infra.server import Server, ServerArgs

_FIRST_CACHE_PORT = 5001
_PASSWORD_LENGTH = 40
_REGION = "us-east-1"


class Registry(pulumi.ComponentResource):
    """A registry with TLS, a password for each project, and a mirror of other registries.

    What it is told is in its user data, so any change of it replaces the server; address and
    passwords stay, and with a bucket the images as well. Until the new server answers, about half
    a minute, nothing can be pulled. Its own disk as `storage` goes with the server: then a change
    that would replace it is refused, in preview, unless `storage.filesystem.replaceable` says that
    the images can be had again.

    Example:
        >>> from cumulo.infra import Network, Registry, registry_image
        >>> network = Network("lab", {"cidr": "192.168.60.0/24", "external_network": "public"})
        >>> registry = Registry(
        ...     "registry",
        ...     {
        ...         "network": network.handle,
        ...         "image": registry_image(),
        ...         "flavor": "m1.small",
        ...         "storage": {
        ...             "bucket": {
        ...                 "endpoint": "https://objects.example:6780",
        ...                 "bucket": "images",
        ...                 "access_key": "a1b2",
        ...                 "secret_key": pulumi.Output.secret("c3d4"),
        ...             }
        ...         },
        ...         "projects": {"research": {}, "finance": {"private": True}},
        ...         "upstreams": {"docker.io": {"pull_through": True}},
        ...         "retention": {"tags": 20},
        ...     },
        ... )
        >>> pulumi.export("registry", registry.handle.outputs())
    """

    handle: RegistryHandle
    """What other components take."""

    def __init__(
        self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        component = title(Registry, name)
        check_fields(component, RegistryArgs, args)
        check(component, args)
        super().__init__("cumulo:index:Registry", name, {}, opts)

        child = pulumi.ResourceOptions(parent=self)
        hostname = args.get("hostname", HOSTNAME)
        upstreams = args.get("upstreams", UPSTREAMS)
        ports = _cache_ports(upstreams)
        passwords = self._passwords(name, args)
        # The server must be told a certificate for the address that it gets.
        private, tell_private = _promised()
        outside, tell_outside = _promised()
        authority = Authority(f"{name}-ca", f"registry {name}", child)
        shown = authority.server(
            f"{name}-server",
            hostname,
            child,
            names=[hostname],
            addresses=pulumi.Output.all(private, outside).apply(
                lambda known: [address for address in known if address]
            ),
        )
        group = SecurityGroup(
            f"{name}-registry", {"rules": _rules(args, list(ports.values()))}, child
        )
        secret = _password(f"{name}-upload-secret", child)
        server_args: ServerArgs = {
            "image": args["image"],
            "flavor": args["flavor"],
            "network": args["network"],
            "security_groups": [group.handle],
            "floating_ip": args.get("floating_ip", False),
            "user_data": self._user_data(args, hostname, ports, passwords, shown, secret),
        }
        if "key_pair" in args:
            server_args["key_pair"] = args["key_pair"]
        if "filesystem" in args["storage"]:
            server_args["hooks"] = _keep(name, args)
        server = Server(name, server_args, child)
        tell_private(server.handle.address)
        tell_outside(server.handle.floating_address)
        address = server.handle.address
        everyone = {user: value for user, value in passwords.items() if user != PULL}
        self.handle = RegistryHandle(
            name=name,
            needs=(server,),
            id=server.handle.id,
            address=address,
            floating_address=server.handle.floating_address,
            hostname=hostname,
            url=pulumi.Output.concat("https://", address, f":{PORT}"),
            ca_certificate=authority.certificate,
            credentials=pulumi.Output.secret(pulumi.Output.all(**everyone)),
            mirrors=address.apply(
                lambda known: configuration.mirrors(known, list(upstreams), ports, hostname)
            ),
            pull_password=pulumi.Output.secret(passwords.get(PULL)),
        )
        self.register_outputs(self.handle.outputs())

    def _passwords(self, name: str, args: RegistryArgs) -> dict[str, pulumi.Output[str]]:
        users = [*args.get("projects", {}), IMAGES]
        if not args.get("anonymous_pull", True):
            users.append(PULL)
        child = pulumi.ResourceOptions(parent=self)
        return {user: _password(f"{name}-{user}-password", child) for user in users}

    def _user_data(
        self,
        args: RegistryArgs,
        hostname: str,
        ports: Mapping[str, int],
        passwords: Mapping[str, pulumi.Output[str]],
        shown: Credential,
        secret: pulumi.Output[str],
    ) -> pulumi.Output[str]:
        upstreams = args.get("upstreams", UPSTREAMS)
        retention = args.get("retention", Retention())
        collection = args.get("garbage_collection", GarbageCollection())
        tags = retention.get("tags", 0)

        def render(known: Mapping[str, Any]) -> str:
            return configuration.user_data(
                configuration.Server(
                    hostname=hostname,
                    access=Access(
                        projects={
                            project: wanted.get("private", False)
                            for project, wanted in args.get("projects", {}).items()
                        },
                        upstreams=list(upstreams),
                        passwords=known["passwords"],
                    ),
                    caches=[
                        Cache(
                            name=upstream,
                            port=port,
                            url=known["upstreams"][upstream].get("url")
                            or configuration.default_url(upstream),
                            username=known["upstreams"][upstream].get("username", ""),
                            password=known["upstreams"][upstream].get("password", ""),
                        )
                        for upstream, port in ports.items()
                    ],
                    bucket=known["bucket"],
                    certificate=known["certificate"],
                    key=known["key"],
                    secret=known["secret"],
                    daily_at=collection.get("daily_at", DAILY_AT),
                    keep_tags=tags,
                    untagged=retention.get("untagged", not tags),
                    cache_days=retention.get("cache_days", CACHE_DAYS),
                    trusted=[*known["trusted"], *_authority(known["bucket"])],
                )
            )

        told = pulumi.Output.all(
            passwords=pulumi.Output.all(**passwords),
            upstreams=pulumi.Output.all(**upstreams),
            bucket=_bucket(args["storage"].get("bucket")),
            certificate=shown.certificate,
            key=shown.key,
            secret=secret,
            trusted=pulumi.Output.all(*args.get("trusted_certificates", ())),
        )
        return pulumi.Output.secret(told.apply(render))


def _promised() -> tuple[
    pulumi.Output[str | None], Callable[[pulumi.Output[str] | pulumi.Output[str | None]], None]
]:
    """A value, and how to say what it is."""
    return pulumi.deferred_output()


def _cache_ports(upstreams: Mapping[str, Upstream]) -> dict[str, int]:
    """The port of each upstream that is pulled through, in the order in which they are named."""
    through = [name for name, upstream in upstreams.items() if upstream.get("pull_through")]
    return {name: _FIRST_CACHE_PORT + index for index, name in enumerate(through)}


def _rules(args: RegistryArgs, cache_ports: Sequence[int]) -> dict[str, Rule]:
    rules: dict[str, Rule] = {}
    ports: list[tuple[str, int | tuple[int, int]]] = [("pushed", PORT)]
    if cache_ports:
        ports.append(("mirrors", (min(cache_ports), max(cache_ports))))
    for door, port in ports:
        for who, remote in (("own", args["network"].cidr), *enumerate(args.get("clients", ()))):
            rules[f"{door}-{who}"] = {"protocol": "tcp", "port": port, "remote": remote}
    return rules


def _password(name: str, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    return random.RandomPassword(name, length=_PASSWORD_LENGTH, special=False, opts=opts).result


def _bucket(given: "Bucket | BucketArgs | None") -> pulumi.Output[Mapping[str, str] | None]:
    if given is None:
        return pulumi.Output.from_input(None)
    fields = ("endpoint", "region", "bucket", "access_key", "secret_key", "authority")
    if isinstance(given, Mapping):
        return pulumi.Output.all(**{"region": _REGION, **given})
    return pulumi.Output.all(**{field: getattr(given, field) for field in fields})


def _authority(bucket: Mapping[str, str] | None) -> list[str]:
    authority = (bucket or {}).get("authority")
    return [authority] if authority else []


def _keep(name: str, args: RegistryArgs) -> pulumi.ResourceHookBinding:
    """Refuses what would lose the images, in previews too."""
    replaceable = args["storage"]["filesystem"].get("replaceable", False)

    def refuse(_: pulumi.ResourceHookArgs) -> None:
        if operation.updates() and not replaceable:
            raise pulumi.RunError(
                f"this would replace the server of the registry '{name}', and with it every image "
                "on its disk. Take the change back; or keep images in a bucket: storage.bucket; "
                "or, where they can be had again, say storage.filesystem.replaceable: True"
            )

    # The state names it, and the run that deletes the server must know it.
    keep = pulumi.ResourceHook(
        f"cumulo:{name}:keep-images", refuse, pulumi.ResourceHookOptions(on_dry_run=True)
    )
    return pulumi.ResourceHookBinding(before_delete=[keep])
