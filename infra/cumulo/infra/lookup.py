"""Questions to the cloud that must be answered in preview, before anything is made."""

import re
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import pulumi
from cumulo.infra.arguments import ArgumentError

# Resources ask for this version of the provider; without it, a question starts a second one.
_VERSION = version("pulumi-openstack")
# How an empty answer is told, by the official provider and by ours; any other failure is a cloud
# that did not answer.
_EMPTY_ANSWER = re.compile(r"returned no results|\bno \w+ with ")


class NotInCloudError(Exception):
    """The cloud answered that it has nothing of the kind; the text is what it has, if it said."""


async def ask(
    parent: pulumi.Resource | None,
    component: str,
    field: str,
    function: str,
    **query: object,
) -> Mapping[str, Any]:
    """What the cloud answers.

    Args:
        parent: The component that asks, if one does; its provider is used.
        component: What messages call it.
        field: The argument that the question is about.
        function: The token of the provider's data source.
        query: The data source's inputs; messages name the first.

    Raises:
        NotInCloudError: The cloud has nothing of the kind.
        ArgumentError: The cloud did not answer.
    """
    options = pulumi.InvokeOptions(parent=parent, version=_VERSION)
    try:
        answer: Mapping[str, Any] = await pulumi.runtime.invoke_async(
            function, dict(query), options
        )
    except Exception as error:  # the SDK raises nothing narrower
        # What stands before it names the data source, twice.
        reason = str(error).rpartition("returned an error: ")[2]
        if _EMPTY_ANSWER.search(reason):
            raise NotInCloudError(reason.partition("; ")[2]) from error
        wanted = next(iter(query.values()))
        raise ArgumentError(
            component, field, f"the cloud could not be asked about {wanted!r}: {reason}"
        ) from error
    return answer


def missing(component: str, field: str, what: str, error: NotInCloudError) -> ArgumentError:
    """The error for something that an argument names and the cloud lacks."""
    has = str(error)
    return ArgumentError(component, field, f"the cloud has no {what}{has and '; '}{has}")


async def external_network(
    parent: pulumi.Resource, component: str, field: str, wanted: str
) -> Mapping[str, Any]:
    """What the cloud says of an external network, by its name.

    Raises:
        ArgumentError: It has none of that name, or did not answer.
    """
    token = "openstack:networking/getNetwork:getNetwork"  # noqa: S105 -- a function's
    try:
        return await ask(parent, component, field, token, name=wanted, external=True)
    except NotInCloudError as error:
        raise missing(component, field, f"external network {wanted!r}", error) from None


def named(
    parent: pulumi.Resource,
    component: str,
    field: str,
    function: str,
    name: pulumi.Input[str],
    **query: object,
) -> pulumi.Output[str]:
    """The same name, once the cloud is known to have something that is called so."""

    async def check(wanted: str) -> str:
        try:
            await ask(parent, component, field, function, name=wanted, **query)
        except NotInCloudError as error:
            raise missing(component, field, f"{field} {wanted!r}", error) from None
        return wanted

    return pulumi.Output.from_input(name).apply(check)


def newest_image(
    component: str, field: str, key: str, value: str, remedy: str
) -> pulumi.Output[str]:
    """The name of the newest image of which Glance says something.

    Args:
        component: What messages call who asks.
        field: The argument that the question is about.
        key: The property.
        value: What it has to be.
        remedy: How such an image gets there.
    """

    async def find() -> str:
        function = "openstack:images/getImage:getImage"
        try:
            found = await ask(
                None, component, field, function, properties={key: value}, mostRecent=True
            )
        except NotInCloudError:
            raise ArgumentError(
                component,
                field,
                f"the cloud has no image whose property {key} is {value!r}; {remedy}",
            ) from None
        return str(found["name"])

    return pulumi.Output.from_input(find())
