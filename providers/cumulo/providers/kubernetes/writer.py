"""How an object is made, changed and deleted, so that everybody else's fields stay theirs."""

import time
from collections.abc import Iterable
from copy import deepcopy
from typing import Final

from cumulo.providers.core.call import Call
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.log import Log
from cumulo.providers.kubernetes import managers
from cumulo.providers.kubernetes.api import ApiError
from cumulo.providers.kubernetes.cluster import Cluster, NoSuchKind
from cumulo.providers.kubernetes.objects import (
    DELETION_PROPAGATION,
    Object,
    annotation,
    child,
    identity_of,
    kind_of,
    metadata,
    name_of,
    namespace_of,
)
from cumulo.providers.kubernetes.paths import Path
from cumulo.providers.kubernetes.program import place
from cumulo.providers.kubernetes.settings import Settings
from cumulo.providers.kubernetes.waiting import until_gone

_MISSING_SECONDS: Final = 30.0


class Writer:
    """Writes objects to a cluster on behalf of one call."""

    def __init__(self, call: Call[Cluster], log: Log, settings: Settings) -> None:
        self._call = call
        self._cluster = call.cloud
        self._log = log
        self._settings = settings

    def create(self, item: Object, manager: str, mark: str) -> Object:
        """Makes an object, or completes the one that an interrupted create made.

        Args:
            item: The object.
            manager: The manager to apply it as.
            mark: The manager that only this resource has; an object it applied is this one's.

        Raises:
            ProviderError: There is such an object already, and it is not ours.
        """
        until = time.monotonic() + _MISSING_SECONDS
        pause = 0.5
        while True:
            try:
                return self._create(item, manager, mark)
            except (ApiError, NoSuchKind) as error:
                # What it needs may be on its way: its definition, its namespace, the service
                # account that a namespace gets a moment after it is made.
                if not _may_come(error) or time.monotonic() >= until:
                    raise
                self._log.status(self._call.urn, f"waiting to be made: {_said(error)}")
                self._call.sleep(_said(error), pause)
                pause = min(pause * 1.5, 3.0)

    def _create(self, item: Object, manager: str, mark: str) -> Object:
        item = self.placed(item)
        live = self._free(item)
        if live is not None and not (mark and managers.manages(live, mark)):
            if not self._settings.upsert:
                raise ProviderError(
                    f"{kind_of(item).name} {identity_of(item)} exists already: `pulumi import` "
                    "takes it over, a Patch resource changes some of its fields, an alias keeps it "
                    "when its resource was renamed, and upsertExistingObjects on the provider "
                    "makes creates take over whatever is there"
                )
            return self.update(item, manager, frozenset())
        return self._apply(item, manager, force=live is not None)

    def _free(self, item: Object) -> Object | None:
        """What has the object's name, once what is on its way out is gone."""
        live = self._cluster.get(item)
        if live is not None and metadata(live).get("deletionTimestamp"):
            until_gone(self._call, self._log, {}, live)
            return None
        return live

    def placed(self, item: Object) -> Object:
        """The object in its namespace, now that the cluster can say whether it has one."""
        item = deepcopy(item)
        place(item, self._cluster.namespace, self._cluster.served(kind_of(item)).namespaced)
        return item

    def preview(self, item: Object, manager: str) -> Object:
        """What would become of an object that is to be made."""
        return self._cluster.apply(self.placed(item), manager, force=True, preview=True)

    def preview_update(self, item: Object, manager: str, ignore: Iterable[Path]) -> Object:
        """What would become of an object that is to be changed."""
        live = self._cluster.get(item)
        wanted = self.placed(item)
        if live is None:
            return self._cluster.apply(wanted, manager, force=True, preview=True)
        wanted = _without_ignored(wanted, live, manager, ignore)
        force = self._force(item, live) or managers.foreign(live, manager)
        return self._apply(wanted, manager, force=force, preview=True)

    def update(self, item: Object, manager: str, ignore: Iterable[Path]) -> Object:
        """Makes an object's fields be as given; makes the object again if it is gone."""
        wanted = self.placed(item)
        live = self._cluster.get(wanted)
        if live is None:
            return self._apply(wanted, manager, force=False)
        if managers.foreign(live, manager):
            live = self._take_over(live, manager)
        wanted = _without_ignored(wanted, live, manager, ignore)
        return self._apply(wanted, manager, force=self._force(item, live))

    def patch(self, item: Object, manager: str, *, preview: bool = False) -> Object:
        """Makes some fields be as given in an object that is somebody else's."""
        wanted = self.placed(item)
        live = self._cluster.get(wanted)
        if live is None:
            raise ProviderError(
                f"there is no {kind_of(item).name} {identity_of(wanted)} to patch: make it first"
            )
        return self._apply(wanted, manager, force=self._force(item, live), preview=preview)

    def relinquish(self, item: Object, manager: str) -> None:
        """Gives up all fields of a manager; the cluster removes what nobody else wants."""
        bare: Object = {
            "apiVersion": item.get("apiVersion"),
            "kind": item.get("kind"),
            "metadata": {"name": name_of(item)},
        }
        if namespace_of(item):
            bare["metadata"]["namespace"] = namespace_of(item)
        try:
            if self._cluster.get(bare) is not None:
                self._cluster.apply(self.placed(bare), manager)
        except NoSuchKind:
            return
        except ApiError as error:
            required = [
                cause.get("field")
                for cause in error.causes
                if cause.get("reason") == "FieldValueRequired"
            ]
            if not required:
                raise
            raise ProviderError(
                f"{identity_of(item)} cannot do without {', '.join(map(str, required))}, which "
                "only this patch sets: set retain_on_delete, or let somebody else set it first"
            ) from error

    def delete(self, inputs: Object, item: Object) -> None:
        """Deletes an object and waits until it is gone."""
        policy = annotation(inputs, DELETION_PROPAGATION).capitalize() or "Foreground"
        if self._cluster.delete(item, policy):
            until_gone(self._call, self._log, inputs, item)

    def _force(self, item: Object, live: Object | None) -> bool:
        return managers.must_force(item, live, always=self._settings.patch_force)

    def _take_over(self, live: Object, manager: str) -> Object:
        while True:
            try:
                return self._cluster.patch(live, managers.taken_over(live, manager))
            except ApiError as error:
                # Somebody wrote in between: the test of the version failed.
                if error.status not in (409, 422):
                    raise
                self._call.sleep("its managers", 0.2)
                self._call.check("its managers")
                live = self._cluster.get(live) or live
                if not managers.foreign(live, manager):
                    return live

    def _apply(self, item: Object, manager: str, *, force: bool, preview: bool = False) -> Object:
        item = managers.recorded(item)
        try:
            return self._cluster.apply(item, manager, force=force, preview=preview)
        except ApiError as error:
            if not force and managers.by_hand(error):
                return self._cluster.apply(item, manager, force=True, preview=preview)
            explained = managers.explained(error, item)
            if explained is error:
                raise
            raise explained from error


def _without_ignored(item: Object, live: Object, manager: str, ignore: Iterable[Path]) -> Object:
    """The object without what the user wants to be left as it is.

    A field that only others write is left out; one that is ours is written as it is now, because
    leaving it out would remove it.
    """
    result = deepcopy(item)
    for path in ignore:
        owners = managers.owners(live, path)
        if owners and manager not in owners:
            _remove(result, path)
        else:
            _copy(live, result, path)
    return result


def _remove(item: object, path: Path) -> None:
    *above, last = path
    for step in above:
        item = child(item, step)
    if isinstance(item, dict):
        item.pop(last, None)


def _copy(live: object, item: object, path: Path) -> None:
    *above, last = path
    for step in above:
        live = child(live, step)
        if isinstance(item, dict) and step not in item and isinstance(live, dict):
            item[step] = {}
        item = child(item, step)
    if isinstance(live, dict) and isinstance(item, dict) and last in live:
        item[last] = deepcopy(live[last])


def _may_come(error: ApiError | NoSuchKind) -> bool:
    if isinstance(error, NoSuchKind) or error.status == 404:
        return True
    return error.status == 403 and "error looking up service account" in error.message


def _said(error: ApiError | NoSuchKind) -> str:
    return error.message if isinstance(error, ApiError) else str(error)
