"""A bucket, and the one credential that reaches it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict
from urllib.parse import urlsplit

import pulumi
from cumulo.infra.arguments import ArgumentError, check_fields, title
from cumulo.infra.handle import Handle
from cumulo.infra.lookup import NotInCloudError, ask, missing
from pulumi_openstack import identity, objectstorage

# Of Amazon's, so that every client takes it.
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
# The parts of uploads lie beside the bucket, where Swift's S3 API expects them.
_PARTS = "+segments"
_ROLE = "object-store-user"


@dataclass(frozen=True, kw_only=True)
class ObjectStoreHandle(Handle):
    """A bucket that can be read and written.

    Attributes:
        endpoint: The URL of the S3 API. Buckets are parts of its path (path style).
        region: The region that requests are signed for.
        bucket: The bucket.
        access_key: Who the credential is.
        secret_key: Its secret.
        authority: The certificate that the endpoint's own is signed by, as PEM; None where
            everybody trusts it, or where there is no TLS.
    """

    endpoint: pulumi.Output[str]
    region: pulumi.Output[str]
    bucket: pulumi.Output[str]
    access_key: pulumi.Output[str]
    secret_key: pulumi.Output[str]
    authority: pulumi.Output[str | None]


class ObjectStoreArgs(TypedDict):
    """Arguments of `ObjectStore`."""

    bucket: NotRequired[str]
    """The bucket's name: 3 to 63 lower-case letters, digits and dashes, and unique in the project.
    Another one is another bucket. Default: the component's name."""
    versioning: NotRequired[bool]
    """Whether what is overwritten or deleted is kept as a version. Default: no."""
    force_destroy: NotRequired[bool]
    """Whether the bucket goes with all that is in it. Default: no, and one that holds anything is
    not deleted."""
    role: NotRequired[str]
    """The role that the credential's user has in the project: one that no service gives anything
    for. Default: `object-store-user`, which the Ansible role makes."""
    authority: NotRequired[pulumi.Input[str]]
    """The certificate that the endpoint's own is signed by, as PEM, if none that everybody
    trusts."""


class ObjectStore(pulumi.ComponentResource):
    """A bucket in the project's object storage, and a credential that reaches this bucket alone.

    The credential is of a user made for it, whom the bucket's access list names. It may list,
    read, write and delete objects, in several parts as well, and nothing else: it can neither
    make buckets, nor see which others there are, nor change who reaches this one. Whoever runs
    the program needs the right to make users.

    Example:
        >>> from cumulo.infra import ObjectStore
        >>> models = ObjectStore("models", {"versioning": True})
        >>> pulumi.export("models", models.handle.outputs())
    """

    handle: ObjectStoreHandle
    """What other components take."""

    def __init__(
        self,
        name: str,
        args: ObjectStoreArgs | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        args = args or ObjectStoreArgs()
        component = title(ObjectStore, name)
        check_fields(component, ObjectStoreArgs, args)
        bucket = args.get("bucket", name)
        if not _BUCKET.fullmatch(bucket):
            raise ArgumentError(
                component,
                "bucket",
                f"{bucket!r} is not 3 to 63 lower-case letters, digits and dashes"
                + ("" if "bucket" in args else "; name one, it is the component's name else"),
            )
        super().__init__("cumulo:index:ObjectStore", name, {}, opts)

        child = pulumi.ResourceOptions(parent=self)
        place = self._place(component, name)
        project = place["project"]
        user = identity.User(
            f"{name}-user",
            description=f"Reads and writes the bucket '{bucket}'",
            default_project_id=project,
            opts=child,
        )
        membership = identity.RoleAssignment(
            f"{name}-membership",
            project_id=project,
            user_id=user.id,
            role_id=self._role(component, args.get("role", _ROLE)),
            opts=child,
        )
        credential = identity.Ec2CredentialV3(
            f"{name}-credential",
            project_id=project,
            user_id=user.id,
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[membership], additional_secret_outputs=["secret"]
            ),
        )
        reach = pulumi.Output.concat(project, ":", user.id)
        # Deleted after the bucket: what is left here then are parts of uploads that never ended.
        parts = objectstorage.Container(
            f"{name}-parts",
            name=f"{bucket}{_PARTS}",
            container_read=reach,
            container_write=reach,
            force_destroy=True,
            opts=child,
        )
        container = objectstorage.Container(
            f"{name}-bucket",
            name=bucket,
            container_read=reach,
            container_write=reach,
            versioning=bool(args.get("versioning")),
            force_destroy=bool(args.get("force_destroy")),
            # The first to be deleted: where that is refused, the rest must go on working.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[credential, parts]),
        )
        self.handle = ObjectStoreHandle(
            name=name,
            needs=(container,),
            endpoint=place["endpoint"],
            region=place["region"],
            bucket=container.name,
            access_key=credential.access,
            secret_key=pulumi.Output.secret(credential.secret),
            authority=pulumi.Output.from_input(args.get("authority")),
        )
        self.register_outputs(self.handle.outputs())

    def _place(self, component: str, name: str) -> pulumi.Output[dict[str, str]]:
        """The project that the program's own provider is for, and its S3 API."""

        async def look(asked: str) -> dict[str, str]:
            token = "openstack:identity/getAuthScope:getAuthScope"  # noqa: S105 -- a function's
            scope = await ask(self, component, "bucket", token, name=asked)
            region = scope.get("region")
            urls = {
                service["type"]: endpoint
                for service in scope["serviceCatalogs"]
                for endpoint in service["endpoints"]
                if endpoint["interface"] == "public" and region in (None, "", endpoint["region"])
            }
            if "object-store" not in urls:
                raise ArgumentError(
                    component,
                    "bucket",
                    f"the cloud's catalog has no public object-store in region {region!r}",
                )
            found = urls.get("s3") or urls["object-store"]
            return {
                "project": scope["projectId"],
                "endpoint": _origin(found["url"]),
                "region": found["region"],
            }

        return pulumi.Output.from_input(name).apply(look)

    def _role(self, component: str, role: str) -> pulumi.Output[str]:
        async def look(wanted: str) -> str:
            token = "openstack:identity/getRole:getRole"  # noqa: S105 -- a function's
            try:
                found: Mapping[str, Any] = await ask(self, component, "role", token, name=wanted)
            except NotInCloudError as error:
                raise missing(component, "role", f"role {wanted!r}", error) from None
            return str(found["id"])

        return pulumi.Output.from_input(role).apply(look)


def _origin(url: str) -> str:
    """The server of a URL: that is where Swift answers S3."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
