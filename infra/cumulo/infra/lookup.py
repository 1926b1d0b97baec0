"""Questions to the cloud that must be answered in preview, before anything is made."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import pulumi
from cumulo.infra.arguments import ArgumentError

# Resources ask for this version of the provider; without it, a question starts a second one.
_VERSION = version("pulumi-openstack")
# The provider's words for an empty answer; every other failure is a cloud that did not answer.
_EMPTY_ANSWER = "returned no results"


async def ask(
    parent: pulumi.Resource, component: str, field: str, function: str, **query: object
) -> Mapping[str, Any] | None:
    """What the cloud answers, or None where it has nothing of the kind.

    Args:
        parent: The component that asks; its provider is used.
        component: What messages call it.
        field: The argument that the question is about.
        function: The token of the provider's data source.
        query: The data source's inputs; messages name the first.

    Raises:
        ArgumentError: The cloud did not answer.
    """
    options = pulumi.InvokeOptions(parent=parent, version=_VERSION)
    try:
        answer: Mapping[str, Any] = await pulumi.runtime.invoke_async(
            function, dict(query), options
        )
    except Exception as error:  # the SDK raises nothing narrower
        if _EMPTY_ANSWER in str(error):
            return None
        wanted = next(iter(query.values()))
        # What stands before it names the data source, twice.
        reason = str(error).rpartition("returned an error: ")[2]
        raise ArgumentError(
            component, field, f"the cloud could not be asked about {wanted!r}: {reason}"
        ) from error
    return answer


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
        if await ask(parent, component, field, function, name=wanted, **query) is None:
            raise ArgumentError(component, field, f"the cloud has no {field} {wanted!r}")
        return wanted

    return pulumi.Output.from_input(name).apply(check)
