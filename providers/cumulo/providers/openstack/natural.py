"""Finding what an interrupted create made where an object has no place for a mark."""

from collections.abc import Iterable

from cumulo.providers.core.call import Call
from cumulo.providers.core.diff import diff
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.values import Properties
from cumulo.providers.openstack.cloud import Cloud


def same(
    resource: Resource[Cloud], call: Call[Cloud], inputs: Properties, found: Iterable[Observed]
) -> Observed | None:
    """The first object that is nobody else's and that the inputs describe.

    What could not be changed in place must be equal: else it is another one of the same name,
    which is the cloud's to refuse and never ours to remove.
    """
    for observed in found:
        if call.taken(resource.identify(observed)):
            continue
        known = resource.observe(call, observed, inputs)
        if not any(change.replace for change in diff(resource.fields, known, inputs)):
            return observed
    return None
