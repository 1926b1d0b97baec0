"""What Octavia's types have in common: turns at the load balancer, waits, marks and errors.

Octavia refuses every change to a load balancer or to what belongs to it while another change is on
its way. Here the changes of one process take turns, so that they need not fight over it, and
those of others are waited for.
"""

import heapq
import itertools
import random
import threading
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Final, TypeVar

from cumulo.providers.core.call import Call
from cumulo.providers.core.diff import Change
from cumulo.providers.core.errors import NotReady, ProviderError
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.schema import ListOf, MapOf, Scalar, SetOf, snake, zero
from cumulo.providers.core.values import Properties
from cumulo.providers.openstack import fields as shared
from cumulo.providers.openstack.cloud import JSON, MARK, Cloud, CloudError, Service
from cumulo.providers.openstack.natural import same

Result = TypeVar("Result")

ROOT: Final = "/v2.0/lbaas"
TEN_MINUTES: Final = 600.0
TIMEOUTS: Final[Mapping[str, float]] = {
    "create": TEN_MINUTES,
    "update": TEN_MINUTES,
    "delete": TEN_MINUTES,
}

# A change takes a second or two: waits as long as the core's would make up much of an `up`.
_FIRST_PAUSE = 0.1
_GROWTH = 1.1
_LONGEST_PAUSE = 1.0

_TURN_SECONDS = 0.5

_GONE = "DELETED"


class _Owners:
    """Which load balancer a pool belongs to; that never changes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}

    def learn(self, pool: JSON) -> None:
        for balancer in pool.get("loadbalancers") or []:
            with self._lock:
                self._known[pool["id"]] = balancer["id"]

    def of(self, octavia: Service, pool: str) -> str | None:
        """The load balancer's id; `None` if the pool is gone."""
        with self._lock:
            known = self._known.get(pool)
        if known is not None:
            return known
        answer = octavia.find(f"{ROOT}/pools/{pool}")
        if answer is None:
            return None
        self.learn(answer["pool"])
        with self._lock:
            return self._known.get(pool, pool)


OWNERS: Final = _Owners()


def service(call: Call[Cloud], properties: Properties) -> Service:
    """Octavia in the resource's region."""
    return call.cloud.load_balancer(properties.get("region"))


def poll(call: Call[Cloud], what: str, probe: Callable[[], Result | None]) -> Result:
    """Asks until the answer is not `None`, more eagerly than the core's wait."""
    pause = _FIRST_PAUSE
    while True:
        call.check(what)
        result = probe()
        if result is not None:
            return result
        call.sleep(what, pause * random.uniform(0.9, 1.1))  # noqa: S311
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)


def _before(call: Call[Cloud], octavia: Service, path: str) -> JSON:
    """A listing from before this process has made anything that is in it.

    Every create looks there first, and waits for whoever is the first to ask.
    """
    with call.cloud.lock(path):
        return octavia.remembered(path) or {}


class _Queue:
    """Who waits to change a load balancer, the most urgent first."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[tuple[int, int]] = []
        self._numbers = itertools.count()
        self._busy = False

    @contextmanager
    def turn(self, call: Call[Cloud], what: str, rank: int) -> Iterator[None]:
        with self._changed:
            ticket = (rank, next(self._numbers))
            heapq.heappush(self._waiting, ticket)
            try:
                while self._busy or self._waiting[0] != ticket:
                    self._changed.wait(_TURN_SECONDS)
                    call.check(what)
                self._busy = True
            finally:
                self._waiting.remove(ticket)
                heapq.heapify(self._waiting)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()


_QUEUES: Final[defaultdict[str, _Queue]] = defaultdict(_Queue)


@contextmanager
def turn(call: Call[Cloud], balancer: str, rank: int = 1) -> Iterator[None]:
    """This process's only change to a load balancer at a time.

    Args:
        call: The call.
        balancer: The load balancer's id.
        rank: Lower goes first among those that wait.
    """
    with _QUEUES[balancer].turn(call, f"earlier changes of load balancer {balancer}", rank):
        yield


def change(
    call: Call[Cloud], octavia: Service, balancer: str, request: Callable[[], Result]
) -> Result:
    """Makes a request once the load balancer can be changed."""

    def attempt() -> tuple[Result] | None:
        try:
            return (request(),)
        except CloudError as error:
            # A load balancer that is being deleted is not called immutable.
            busy = "immutable" in error.reason or "Invalid state PENDING_" in error.reason
            if error.status != 409 or not busy:
                raise
        answer = octavia.find(f"{ROOT}/loadbalancers/{balancer}")
        if answer is not None and answer["loadbalancer"]["provisioning_status"] == "ERROR":
            raise ProviderError(
                f"load balancer {balancer} is in state ERROR and takes no changes; "
                "pulumi up --replace URN makes a new one"
            )
        return None

    return poll(call, f"load balancer {balancer} to take the next change", attempt)[0]


class OctaviaResource(Resource[Cloud]):
    """A type of Octavia's.

    Attributes:
        noun: The object's key in a body.
        collection: The collection's name in paths.
        words: What the object is called in messages.
        marked: Whether the object carries a mark among its tags.
        place: What a listing says about where an object is, beside its id and tags.
        create_rank: How urgent making one is beside other changes of the load balancer.
        delete_rank: How urgent deleting one is.
    """

    create_rank: ClassVar[int] = 1
    delete_rank: ClassVar[int] = 1
    marked: ClassVar[bool] = True
    place: ClassVar[tuple[str, ...]] = ()
    noun: ClassVar[str]
    collection: ClassVar[str]
    words: ClassVar[str]
    timeouts: ClassVar[Mapping[str, float]] = TIMEOUTS

    @abstractmethod
    def balancer(self, call: Call[Cloud], octavia: Service, properties: Properties) -> str | None:
        """The id of the load balancer that the object belongs to; `None` if it is gone."""

    def path(self, properties: Properties) -> str:
        """The path of the collection that the object is in."""
        del properties
        return f"{ROOT}/{self.collection}"

    def located(self, observed: Observed, properties: Properties) -> Observed:
        """What the API says about an object, with what it says only by its path."""
        del properties
        return observed

    def body(self, inputs: Properties) -> JSON:
        """What to send to make the object."""
        return shared.attributes(self.fields, inputs)

    def changed(self, new: Properties, keys: set[str]) -> JSON:
        """What to send to change the object."""
        wanted = self.body({key: new[key] for key in keys if key in new})
        for key in keys - new.keys():
            field = self.fields[key]
            wanted[field.api or snake(key)] = _unset(key, field.type)
        return wanted

    def find(self, call: Call[Cloud], inputs: Properties) -> Observed | None:
        octavia = service(call, inputs)
        owner = inputs.get("tenantId") or octavia.project
        fields = "&".join(f"fields={name}" for name in ("id", "tags", *self.place))
        earlier = _before(call, octavia, f"{self.path(inputs)}?{fields}&project_id={owner}")
        for item in earlier[self.collection]:
            if call.mark in item["tags"]:
                return self.fetch(call, item["id"], inputs)
        if not self.unique(call, inputs):
            return None
        there = (
            self.fetch(call, item["id"], inputs)
            for item in earlier[self.collection]
            if self.at_place(item, inputs) and item["id"] != call.replaces
        )
        return same(self, call, inputs, (found for found in there if found is not None))

    def unique(self, call: Call[Cloud], inputs: Properties) -> bool:
        """Whether nothing but this resource can be where its object will be.

        Then the object needs no mark, which the official provider would see among its tags.
        """
        del call, inputs
        return False

    def at_place(self, item: Observed, inputs: Properties) -> bool:
        """Whether an object of a listing is where this resource's will be."""
        raise NotImplementedError

    def create(self, call: Call[Cloud], inputs: Properties) -> Observed:
        octavia = service(call, inputs)
        balancer = self.balancer(call, octavia, inputs)
        if balancer is None:
            raise ProviderError(f"what {self.words} '{call.name}' belongs to is gone")
        body = self.body(inputs)
        tags = list(inputs.get("tags") or [])
        if call.mark and self.marked and not self.unique(call, inputs):
            tags.append(call.mark)
        if tags:
            body["tags"] = tags
        with turn(call, balancer, self.create_rank):
            made: Observed = change(
                call, octavia, balancer, lambda: self.make(octavia, inputs, body)
            )
            made = self.located(made, inputs)
            try:
                return self.finish(call, inputs, self._active(call, octavia, inputs, made))
            except NotReady as error:
                if error.made.get("provisioning_status") == "ERROR":
                    self._discard(call, octavia, inputs, error)
                raise
            except ProviderError as error:
                raise NotReady(str(error), made) from error

    def make(self, octavia: Service, inputs: Properties, body: JSON) -> Observed:
        """Asks Octavia to make the object."""
        made: Observed = octavia.post(self.path(inputs), {self.noun: body})[self.noun]
        return made

    def finish(self, call: Call[Cloud], inputs: Properties, made: Observed) -> Observed:
        """What else belongs to making the object; must do no harm when done twice."""
        del call, inputs
        return made

    def adopt(self, call: Call[Cloud], inputs: Properties, found: Observed) -> Observed | None:
        try:
            whole = self._active(call, service(call, inputs), inputs, found)
        except NotReady as error:
            if error.made.get("provisioning_status") == "ERROR":
                return None
            raise
        return self.finish(call, inputs, whole)

    def fetch(self, call: Call[Cloud], identity: str, state: Properties) -> Observed | None:
        answer = service(call, state).find(f"{self.path(state)}/{identity}")
        if answer is None or answer[self.noun].get("provisioning_status") == _GONE:
            return None
        return self.located(answer[self.noun], state)

    def observe(self, call: Call[Cloud], observed: Observed, known: Properties) -> Properties:
        result = shared.observe(self.fields, observed, known)
        result["region"] = known.get("region") or call.cloud.region
        if "tags" in self.fields:
            result["tags"] = [tag for tag in observed.get("tags") or [] if tag[: len(MARK)] != MARK]
        return result

    def update(
        self,
        call: Call[Cloud],
        identity: str,
        old: Properties,
        new: Properties,
        changes: list[Change],
    ) -> Observed:
        octavia = service(call, old)
        balancer = self.balancer(call, octavia, {**old, "id": identity})
        if balancer is None:
            raise ProviderError(f"{self.words} {identity} is gone; pulumi refresh takes note of it")
        keys = {change.key for change in changes}
        where = f"{self.path(old)}/{identity}"
        with turn(call, balancer):
            now: Observed = octavia.get(where)[self.noun]
            wanted = self.changed(new, keys - {"tags"})
            if "tags" in keys:
                marks = [tag for tag in now.get("tags") or [] if tag.startswith(MARK)]
                wanted["tags"] = [*(new.get("tags") or []), *marks]
            if wanted:
                now = change(
                    call, octavia, balancer, lambda: octavia.put(where, {self.noun: wanted})
                )[self.noun]
            now = self._active(call, octavia, old, self.located(now, old))
            return self.finish(call, new, now)

    def delete(self, call: Call[Cloud], identity: str, state: Properties) -> None:
        octavia = service(call, state)
        balancer = self.balancer(call, octavia, {**state, "id": identity})
        if balancer is None:
            return
        with turn(call, balancer, self.delete_rank):
            self._remove(call, octavia, balancer, f"{self.path(state)}/{identity}", identity)

    def _remove(
        self, call: Call[Cloud], octavia: Service, balancer: str, where: str, identity: str
    ) -> None:
        try:
            if not change(call, octavia, balancer, lambda: (octavia.delete(where),))[0]:
                return
        except CloudError as error:
            # For a while Octavia remembers what it has deleted.
            if error.status == 409 and f"Invalid state {_GONE}" in error.reason:
                return
            raise

        def probe() -> bool | None:
            answer = octavia.find(where)
            if answer is None:
                return True
            status = answer[self.noun].get("provisioning_status")
            if status == "ERROR":
                raise ProviderError(
                    f"{self.words} {identity} went to state ERROR while it was being deleted; "
                    "Octavia says why only in its own log"
                )
            return True if status == _GONE else None

        poll(call, f"{self.words} {identity} to be gone", probe)

    def _discard(
        self, call: Call[Cloud], octavia: Service, inputs: Properties, error: NotReady
    ) -> None:
        """Removes what a create has made in vain, so that nothing of it is left."""
        identity = error.made["id"]
        balancer = self.balancer(call, octavia, {**inputs, "id": identity}) or identity
        try:
            self._remove(call, octavia, balancer, f"{self.path(inputs)}/{identity}", identity)
        except ProviderError:
            # It stays in the state, from where the user can delete it.
            return
        raise ProviderError(f"{error}; it has been removed") from error

    def _active(
        self, call: Call[Cloud], octavia: Service, properties: Properties, made: Observed
    ) -> Observed:
        """Waits until the object can be used."""
        where = f"{self.path(properties)}/{made['id']}"
        now = made

        def probe() -> Observed | None:
            nonlocal now
            now = self.located(octavia.get(where)[self.noun], properties)
            return now if self._settled(now) else None

        if not self._settled(now):
            try:
                poll(call, f"{self.words} {made['id']} to become ACTIVE", probe)
            except CloudError:
                raise
            except ProviderError as error:
                raise NotReady(str(error), now) from error
        if now["provisioning_status"] == "ERROR":
            raise NotReady(
                f"{self.words} {made['id']} went to state ERROR; Octavia and its provider driver "
                "say why only in their own logs",
                now,
            )
        return now

    def _settled(self, observed: Observed) -> bool:
        return not str(observed["provisioning_status"]).startswith("PENDING")


def _unset(key: str, kind: Any) -> Any:
    """What takes a property back: names and flags have an empty value, the rest has none."""
    if isinstance(kind, ListOf | SetOf | MapOf):
        return zero(kind)
    if key in ("name", "description") or (isinstance(kind, Scalar) and kind.zero is False):
        return zero(kind)
    return None
