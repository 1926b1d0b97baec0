"""What Neutron's types have in common: their bodies, tags, marks, and the wait for deletion."""

import time
from collections.abc import Callable
from typing import ClassVar, Final

from cumulo.providers.core.call import Call
from cumulo.providers.core.diff import Change
from cumulo.providers.core.errors import NotReady, ProviderError
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.schema import snake
from cumulo.providers.core.values import Properties
from cumulo.providers.openstack import fields as shared
from cumulo.providers.openstack.cloud import JSON, Cloud, CloudError, Service

TEN_MINUTES: Final = 600.0

# How long a deletion waits for others that use the object to go: in a destroy they are on their
# way. Who uses it beyond that will not go by itself.
_IN_USE_SECONDS: Final = 60.0


class NeutronResource(Resource[Cloud]):
    """A type of Neutron's whose objects have a name, tags and a description.

    Neutron takes tags only once an object exists (of ports, it may take them at once). So that
    there is no moment in which an object has no mark, it is made with the mark as its description,
    then gets its tags, then the description that the program wants.

    Attributes:
        noun: The object's key in a body.
        collection: The collection's name in paths.
    """

    noun: ClassVar[str]
    collection: ClassVar[str]

    def body(self, call: Call[Cloud], inputs: Properties) -> JSON:
        """What to send to make the object."""
        del call
        return {**shared.attributes(self.fields, inputs), **inputs.get("valueSpecs", {})}

    def changed(self, call: Call[Cloud], new: Properties, keys: set[str]) -> JSON:
        """What to send to change the object."""
        del call
        wanted = shared.attributes(self.fields, {key: new.get(key) for key in keys if key in new})
        for key in keys - new.keys():
            field = self.fields[key]
            if not field.local:
                wanted[field.api or snake(key)] = shared.from_api(field.type, None)
        return wanted

    def ready(self, observed: Observed) -> bool:
        """Whether the object can be used."""
        return observed.get("status") not in ("BUILD", "PENDING_CREATE", "PENDING_UPDATE")

    def find(self, call: Call[Cloud], inputs: Properties) -> Observed | None:
        network = self.service(call, inputs)
        owner = inputs.get("tenantId") or network.project
        identity = _marked(network, self.plural, self.collection, owner).get(call.mark)
        return None if identity is None else self._get(network, identity)

    def create(self, call: Call[Cloud], inputs: Properties) -> Observed:
        network = self.service(call, inputs)
        body = self.body(call, inputs)
        at_birth = self.tagged_at_birth(network)
        if at_birth:
            body["tags"] = self._tags(call, inputs)
        elif call.mark:
            body["description"] = call.mark
        made: Observed = self.make(call, network, body, inputs)
        if at_birth:
            # The answer was made before the tags were.
            made = {**made, "tags": body["tags"]}
        try:
            return self._complete(call, network, made, inputs)
        except ProviderError as error:
            raise NotReady(str(error), made) from error

    def tagged_at_birth(self, network: Service) -> bool:
        """Whether this cloud takes the type's tags in the request that makes an object."""
        return False

    def make(self, call: Call[Cloud], network: Service, body: JSON, inputs: Properties) -> Observed:
        """Asks Neutron to make the object."""
        del call, inputs
        made: Observed = network.post(f"/v2.0/{self.collection}", {self.noun: body})[self.noun]
        return made

    def adopt(self, call: Call[Cloud], inputs: Properties, found: Observed) -> Observed | None:
        return self._complete(call, self.service(call, inputs), found, inputs)

    def finish(
        self, call: Call[Cloud], network: Service, made: Observed, inputs: Properties
    ) -> Observed:
        """What else belongs to making the object; must do no harm when done twice."""
        del call, network, inputs
        return made

    def fetch(self, call: Call[Cloud], identity: str, state: Properties) -> Observed | None:
        return self._get(self.service(call, state), identity)

    def observe(self, call: Call[Cloud], observed: Observed, known: Properties) -> Properties:
        result = shared.observe(self.fields, observed, known)
        result["region"] = known.get("region") or call.cloud.region
        if "tags" in self.fields:
            result["tags"], result["allTags"] = shared.tags(observed, known)
        return result

    def update(
        self,
        call: Call[Cloud],
        identity: str,
        old: Properties,
        new: Properties,
        changes: list[Change],
    ) -> Observed:
        network = self.service(call, old)
        keys = {change.key for change in changes}
        path = f"/v2.0/{self.collection}/{identity}"
        if wanted := self.changed(call, new, keys - {"tags"}):
            network.put(path, {self.noun: wanted})
        if "tags" in keys:
            others = set(self._require(network, identity).get("tags") or [])
            kept = others - set(old.get("tags") or [])
            network.put(f"{path}/tags", {"tags": sorted(kept | set(new.get("tags") or []))})
        made = self._require(network, identity)
        return made if changes else self._complete(call, network, made, new)

    def delete(self, call: Call[Cloud], identity: str, state: Properties) -> None:
        network = self.service(call, state)
        delete_unused(
            call, network, f"/v2.0/{self.collection}/{identity}", f"{self.noun} {identity}"
        )

    @property
    def plural(self) -> str:
        """The collection's key in a listing."""
        return self.collection.replace("-", "_")

    def service(self, call: Call[Cloud], properties: Properties) -> Service:
        """Neutron in the resource's region."""
        return call.cloud.network(properties.get("region"))

    def _get(self, network: Service, identity: str) -> Observed | None:
        answer = network.find(f"/v2.0/{self.collection}/{identity}")
        return None if answer is None else answer[self.noun]

    def _require(self, network: Service, identity: str) -> Observed:
        found: Observed = network.get(f"/v2.0/{self.collection}/{identity}")[self.noun]
        return found

    def _tags(self, call: Call[Cloud], inputs: Properties) -> list[str]:
        wanted = inputs.get("tags") or []
        return [*wanted, call.mark] if call.mark else wanted

    def _complete(
        self, call: Call[Cloud], network: Service, made: Observed, inputs: Properties
    ) -> Observed:
        path = f"/v2.0/{self.collection}/{made['id']}"
        made = self.finish(call, network, made, inputs)
        tags = self._tags(call, inputs)
        if tags and not set(tags) <= set(made.get("tags") or []):
            network.put(f"{path}/tags", {"tags": tags})
            made = {**made, "tags": tags}
        if call.mark and made.get("description") == call.mark:
            wanted = inputs.get("description") or ""
            made = network.put(path, {self.noun: {"description": wanted}})[self.noun] | {
                "tags": tags
            }
        if self.ready(made):
            return made

        def probe() -> Observed | None:
            now = self._require(network, made["id"])
            return now if self.ready(now) else None

        return call.wait(f"{self.noun} {made['id']} to become usable", probe)


def marked_ports(network: Service, owner: str) -> dict[str, str]:
    """The ids of a project's ports by their marks."""
    return _marked(network, "ports", "ports", owner)


def _marked(network: Service, plural: str, collection: str, owner: str) -> dict[str, str]:
    path = f"/v2.0/{collection}?fields=id&fields=tags&fields=description"
    return network.marked(plural, f"{path}&project_id={owner}")


def delete_unused(call: Call[Cloud], service: Service, path: str, what: str) -> None:
    """Deletes, and waits while others still use the object."""
    retry(call, what, lambda: service.delete(path))


def retry(call: Call[Cloud], what: str, remove: Callable[[], object]) -> None:
    """Removes, and waits while the cloud says that others still use the object."""
    until = time.monotonic() + _IN_USE_SECONDS

    def probe() -> bool | None:
        try:
            remove()
        except CloudError as error:
            if error.status != 409:
                raise
            if time.monotonic() > until:
                raise ProviderError(f"cannot delete {what}: {error.reason}") from error
            return None
        return True

    call.wait(f"{what} to be unused", probe)
