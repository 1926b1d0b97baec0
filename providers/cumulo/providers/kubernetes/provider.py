"""The provider: the engine's requests, answered for objects of any kind."""

import importlib
import secrets
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from cumulo.providers.core.call import Call
from cumulo.providers.core.check import Autonaming, Failure
from cumulo.providers.core.diff import Change
from cumulo.providers.core.diff import Kind as Changed
from cumulo.providers.core.entries import Entries, token_of
from cumulo.providers.core.errors import NotReady, ProviderError
from cumulo.providers.core.plugin import Difference, PartlyMade, Plugin
from cumulo.providers.core.values import Properties, has_unknown, plain
from cumulo.providers.kubernetes import checkpoint, group, managers, manifests, previews, program
from cumulo.providers.kubernetes.api import ApiError, Unreachable
from cumulo.providers.kubernetes.checkpoint import FIELD_MANAGER, INITIAL_API_VERSION
from cumulo.providers.kubernetes.cluster import Cluster, NoSuchKind
from cumulo.providers.kubernetes.connection import Connection
from cumulo.providers.kubernetes.difference import Step, differences
from cumulo.providers.kubernetes.kubeconfig import active_cluster
from cumulo.providers.kubernetes.objects import (
    AUTONAMED,
    REPLACE_UNREADY,
    TIMEOUT_SECONDS,
    Object,
    annotation,
    has_name,
    identity_of,
    is_annotated,
    kind_of,
    metadata,
    name_of,
    namespace_of,
    pruned,
)
from cumulo.providers.kubernetes.paths import Path, contains, parse_path
from cumulo.providers.kubernetes.replacement import IDENTITY, replaces, rules
from cumulo.providers.kubernetes.settings import (
    CONFIG,
    UNSUPPORTED,
    Settings,
    server_side_apply,
    settings,
)
from cumulo.providers.kubernetes.waiting import readiness, until_ready
from cumulo.providers.kubernetes.writer import Writer

_VERSION: Final = "4.34.2"
_SECONDS: Final = 600.0
_NAME_LENGTH: Final = 253


class Kubernetes(Plugin):
    """Stands in for the official `kubernetes` provider."""

    keeps_secrets = True

    def __init__(self) -> None:
        super().__init__("kubernetes", _version(), CONFIG)
        self._identity = ""
        self._settings = Settings()
        self._entries = Entries()
        self._connection = Connection({})

    def warm(self) -> None:
        for module in ("urllib3", "yaml", "ssl"):
            importlib.import_module(module)

    def check_config(self, options: Properties) -> list[Failure]:
        failures = super().check_config(options)
        failures += [
            Failure(key, f"is not supported by cumulo's kubernetes provider: {UNSUPPORTED[key]}")
            for key in sorted(options.keys() & UNSUPPORTED.keys())
            if str(plain(options[key])).lower() not in ("", "false")
        ]
        if not has_unknown(options) and not server_side_apply(plain(options)):
            failures.append(
                Failure("enableServerSideApply", "must be on: this provider knows no other way")
            )
        if str(plain(options.get("strictMode", ""))).lower() == "true":
            failures += [
                Failure(key, "is required in strict mode")
                for key in ("kubeconfig", "context")
                if options.get(key) in (None, "")
            ]
        return failures

    def elsewhere(self, old: Properties, new: Properties, changed: list[str]) -> list[str]:
        old, new = plain(old), plain(new)
        named = "clusterIdentifier"
        if new.get(named) and old.get(named) == new[named]:
            return []
        moved = [named] if named in changed and old.get(named) and new.get(named) else []
        where = [key for key in ("kubeconfig", "context", "cluster") if key in changed]
        if any(has_unknown(new.get(key)) for key in where):
            return moved + [key for key in where if has_unknown(new.get(key))][:1]
        before, after = active_cluster(old), active_cluster(new)
        if before is not None and after is not None and before != after:
            moved += where
        return moved

    def configure(self, identity: str, options: Properties) -> None:
        self._identity = identity
        known = plain(options)
        self._settings = settings(known)
        self._connection = Connection(known)

    def check(
        self,
        urn: str,
        old: Properties,
        new: Properties,
        seed: bytes,
        autonaming: Autonaming | None = None,
    ) -> tuple[Properties, list[Failure]]:
        token = self._supported(urn)
        if old:
            self._entries.expect(urn)
        if self._settings.skip_update_unreachable and old and self._connection.unreachable:
            self.log.warning(urn, "the cluster does not answer: this stays as it is")
            return old, []
        item = program.normalized(program.typed(checkpoint.from_program(new), token))
        before = checkpoint.from_program(old)
        failures = program.complete(
            item, token, before, lambda: self._autoname(urn, seed, autonaming)
        )
        if not failures:
            self._connection.learn([item])
            self._connection.place(item)
        checked = checkpoint.to_program(item)
        checkpoint.with_secrets(checked, new)
        return checked, failures

    def diff(
        self,
        urn: str,
        identity: str,
        old: Properties,
        new: Properties,
        ignore: frozenset[str] = frozenset(),
    ) -> Difference:
        token = self._supported(urn)
        self._entries.seen(urn, identity, old)
        said, live = checkpoint.from_state(old)
        said = program.normalized(said)
        item = program.normalized(checkpoint.from_program(new))
        for one in (said, item):
            self._connection.place(one)
        live = {**live, "metadata": dict(metadata(live))}
        self._connection.place(live)
        if has_name(item):
            # A name that the program only now says is the one the object has.
            metadata(said).setdefault("name", name_of(live))
        ignored = _paths(ignore)
        found = [
            step
            for step in differences(live, said, item)
            if not any(contains(path, step.path) for path in ignored)
        ]
        patch = program.is_patch(token, kind_of(item))
        forcing = IDENTITY if patch else rules(kind_of(item), item, self._settings)

        def replace(step: Step) -> bool:
            return any(replaces(step.path, step.value, rule) for rule in forcing)

        askable = not patch and not has_unknown(item) and not self._connection.unreachable
        if found and askable:
            cluster, manager = self._connection.cluster, _manager(old, item)
            found, immutable = previews.asked(cluster, live, item, found, manager)
            forcing = [*forcing, *immutable]
        changes = [step.change(replace) for step in found]
        if is_annotated(item, REPLACE_UNREADY) and self._must_remake(item, live):
            path = f'metadata.annotations["{REPLACE_UNREADY}"]'
            changes.append(
                Step(tuple(parse_path(path)), Changed.UPDATE, "true").change(lambda _: True)
            )
        return Difference(changes, self._delete_first(item, live, changes))

    def create(
        self, urn: str, inputs: Properties, seconds: float = 0.0, *, preview: bool = False
    ) -> tuple[str, Properties]:
        token = self._supported(urn)
        item = program.normalized(checkpoint.from_program(inputs))
        patch = _is_patch(token, item)
        mark = managers.marked(self._identity, urn)
        manager = managers.manager_of({}, item, mark)
        if preview:
            return "", self._previewed(urn, item, inputs, manager, patch=patch)
        call = self._call(urn, item, seconds)
        writer = self._writer(call)
        try:
            if patch:
                live = writer.patch(item, manager)
            else:
                live = writer.create(item, manager, mark if self._identity else "")
        finally:
            self.log.status(urn, "")
        properties = self._settled(call, item, inputs, live, manager, kind_of(item).api_version)
        self._entries.made(urn, identity_of(live), properties)
        return identity_of(live), properties

    def read(
        self, urn: str, identity: str, inputs: Properties, state: Properties
    ) -> tuple[str, Properties, Properties]:
        token = self._supported(urn)
        self._entries.seen(urn, identity, state)
        if self._connection.unreachable:
            return self._read_unreachable(urn, identity, inputs, state)
        said, old = checkpoint.from_state(state)
        item = checkpoint.from_program(inputs) or said
        kind = kind_of(old if old.get("kind") else item)
        if not kind.name:
            kind = program.kind_of_token(token)
        namespace, _, name = identity.rpartition("/")
        live = self._connection.cluster.read(kind, namespace, name)
        if live is None:
            self._entries.gone(urn)
            return "", {}, {}
        known = pruned(live, item) if inputs else _imported(live)
        manager = managers.manager_of(state, item, managers.marked(self._identity, urn))
        first = str(plain(state.get(INITIAL_API_VERSION)) or kind.api_version)
        properties = checkpoint.to_state(live, known, inputs, manager, first)
        found = checkpoint.to_program(known)
        checkpoint.with_secrets(found, inputs)
        if inputs and not _is_patch(token, item):
            seen = readiness(self._connection.cluster, item, live)
            if not seen.ready:
                told = f"{kind.name} {identity}: {seen.message}"
                raise PartlyMade(identity, properties, told, found)
        return identity, found, properties

    def update(
        self,
        urn: str,
        identity: str,
        old: Properties,
        new: Properties,
        seconds: float = 0.0,
        ignore: frozenset[str] = frozenset(),
        *,
        preview: bool = False,
    ) -> Properties:
        token = self._supported(urn)
        self._entries.seen(urn, identity, old)
        item = program.normalized(checkpoint.from_program(new))
        patch = _is_patch(token, item)
        manager = _manager(old, item)
        first = str(plain(old.get(INITIAL_API_VERSION)) or kind_of(item).api_version)
        if preview and (has_unknown(new) or self._connection.unreachable):
            return new
        call = self._call(urn, item, seconds)
        writer = self._writer(call)
        ignored = _paths(ignore)
        if preview:
            try:
                if patch:
                    live = writer.patch(item, manager, preview=True)
                else:
                    live = writer.preview_update(item, manager, ignored)
            except (ApiError, NoSuchKind) as error:
                if previews.impossible(error):
                    return new
                raise
            return checkpoint.to_state(live, item, new, manager, first)
        live = writer.patch(item, manager) if patch else writer.update(item, manager, ignored)
        before = str(plain(old.get(FIELD_MANAGER)) or "")
        if before and before != manager:
            writer.relinquish(live, before)
        return self._settled(call, item, new, live, manager, first)

    def delete(
        self, urn: str, identity: str, state: Properties, seconds: float = 0.0
    ) -> str | None:
        token = self._supported(urn)
        said, live = checkpoint.from_state(state)
        patch = _is_patch(token, live)
        user = None if patch else self._entries.user(urn, identity, state)
        if user is not None:
            self._entries.deleted(urn, identity)
            return f"{identity} is kept: {user.rsplit('::', 1)[-1]} took it over and uses it"
        if self._settings.delete_unreachable and self._connection.unreachable:
            self.log.warning(
                urn, f"forgotten without being deleted: {self._connection.unreachable}"
            )
            return None
        if not live.get("kind"):
            kind = program.kind_of_token(token)
            live |= {"apiVersion": kind.api_version, "kind": kind.name}
        namespace, _, name = identity.rpartition("/")
        live["metadata"] = {**metadata(live), "name": name}
        if namespace:
            live["metadata"]["namespace"] = namespace
        call = self._call(urn, said, seconds)
        if patch:
            self._writer(call).relinquish(live, _manager(state, said))
        else:
            self._writer(call).delete(said, live)
            self._connection.changed(live)
        self._entries.deleted(urn, identity)
        return None

    def invoke(self, token: str, arguments: Properties) -> tuple[Properties, list[Failure]]:
        if token != "kubernetes:yaml:decode":
            raise ProviderError(self.unsupported(token))
        text = plain(arguments.get("text"))
        if not isinstance(text, str):
            return {}, [Failure("text", "is required")]
        found = [
            item for item in manifests.parsed(text) if item.get("kind") and item.get("apiVersion")
        ]
        namespace = str(plain(arguments.get("defaultNamespace")) or "")
        if namespace:
            for item in found:
                program.place(item, namespace, self._connection.namespaced(kind_of(item)))
        return {"result": found}, []

    def construct(self, request: Any) -> Any:
        if request.type not in group.COMPONENTS:
            return super().construct(request)
        urn = f"urn:pulumi:{request.stack}::{request.project}::{request.type}::{request.name}"
        return group.construct(
            request, self.version, self._place_all, lambda told: self.log.warning(urn, told)
        )

    def _place_all(self, items: list[Object]) -> None:
        self._connection.learn(items)
        for item in items:
            self._connection.place(item)

    def _supported(self, urn: str) -> str:
        token = token_of(urn)
        _, module, name = token.split(":", 2)
        if module.startswith(("helm.sh/", "kustomize", "yaml")) or (
            "/" not in module and (module != "v1")
        ):
            raise ProviderError(self.unsupported(token))
        kind = program.kind_of_token(token)
        if kind.builtin and name.removesuffix("Patch").endswith("List"):
            raise ProviderError(
                f"{token} is only for reading: make the objects of the list by themselves"
            )
        return token

    def _call(self, urn: str, item: Object, seconds: float) -> Call[Cluster]:
        text = annotation(item, TIMEOUT_SECONDS)
        limit = seconds or (float(text) if text.isdecimal() else 0.0) or _SECONDS
        return Call(self._connection.cluster, urn, "", limit, self.cancelled)

    def _writer(self, call: Call[Cluster]) -> Writer:
        return Writer(call, self.log, self._settings)

    def _autoname(self, urn: str, seed: bytes, autonaming: Autonaming | None) -> str:
        if autonaming is not None and (autonaming.name or autonaming.enforced):
            return autonaming.name
        # The same resource gets the same name again: that is how an interrupted create is found.
        suffix = self._entries.mark(self._identity, urn)
        if not suffix:
            suffix = seed.hex() if len(seed) >= 4 else secrets.token_hex(4)
        name = urn.rsplit("::", 1)[-1]
        return f"{name[: _NAME_LENGTH - 9]}-{suffix[:8]}"

    def _settled(
        self,
        call: Call[Cluster],
        item: Object,
        said: Properties,
        live: Object,
        manager: str,
        first: str,
    ) -> Properties:
        """The outputs once the object can be used."""
        self._connection.changed(live)
        try:
            ready = until_ready(call, self.log, item, live)
        except NotReady as error:
            properties = checkpoint.to_state(error.made, item, said, manager, first)
            raise PartlyMade(identity_of(error.made), properties, str(error)) from error
        return checkpoint.to_state(ready, item, said, manager, first)

    def _previewed(
        self, urn: str, item: Object, said: Properties, manager: str, *, patch: bool
    ) -> Properties:
        if has_unknown(said) or patch or self._connection.unreachable:
            return said
        call = self._call(urn, item, 0.0)
        cluster = self._connection.cluster
        replaced = self._entries.replaced(urn)
        try:
            served = cluster.served(kind_of(item))
            if cluster.get(self._writer(call).placed(item)) is not None:
                # It is replaced in place of itself, or found again, or `create` will complain.
                if not replaced and not self._settings.upsert:
                    self._warn_of_existing(urn, item, manager)
                return said
            live = self._writer(call).preview(item, manager)
        except (ApiError, NoSuchKind) as error:
            if previews.impossible(error):
                return said
            raise
        outputs = checkpoint.to_state(live, item, said, manager, kind_of(item).api_version)
        previews.leave_open(outputs, said, kind_of(item), has_status=served.has_status)
        return outputs

    def _warn_of_existing(self, urn: str, item: Object, manager: str) -> None:
        live = self._connection.cluster.get(item)
        if live is not None and not managers.manages(live, manager):
            self.log.warning(urn, f"{kind_of(item).name} {identity_of(item)} exists already")

    def _must_remake(self, item: Object, live: Object) -> bool:
        if not kind_of(item).is_("batch", "Job") or self._connection.unreachable:
            return False
        found = self._connection.cluster.get(live)
        return found is not None and not readiness(self._connection.cluster, item, found).ready

    def _delete_first(self, item: Object, live: Object, changes: list[Change]) -> bool:
        """Whether the old object is in the new one's way."""
        return (
            any(change.replace for change in changes)
            and has_name(item)
            and not is_annotated(item, AUTONAMED)
            and name_of(item) == name_of(live)
            and namespace_of(item) == namespace_of(live)
        )

    def _read_unreachable(
        self, urn: str, identity: str, inputs: Properties, state: Properties
    ) -> tuple[str, Properties, Properties]:
        why = self._connection.unreachable
        if self._settings.delete_unreachable:
            self.log.warning(urn, f"forgotten: {why}")
            return "", {}, {}
        if self._settings.skip_update_unreachable:
            self.log.warning(urn, f"left as it is in the state: {why}")
            return identity, inputs, state
        raise Unreachable(
            f"{why}; if the cluster is gone for good, PULUMI_K8S_DELETE_UNREACHABLE=true lets a "
            "refresh forget what was in it"
        )


def _is_patch(token: str, item: Object) -> bool:
    return program.is_patch(token, kind_of(item))


def _manager(state: Properties, item: Object) -> str:
    return managers.manager_of(state, item, managers.marked("", ""))


def _paths(texts: frozenset[str]) -> list[Path]:
    return [parse_path(text) for text in sorted(texts)]


def _imported(live: Object) -> Object:
    """The inputs that describe an object which was not made by Pulumi."""
    item = program.normalized({key: value for key, value in live.items() if key != "status"})
    annotations = metadata(item).get("annotations")
    if annotations:
        for key in (
            "deployment.kubernetes.io/revision",
            "kubectl.kubernetes.io/last-applied-configuration",
        ):
            annotations.pop(key, None)
        if not annotations:
            del item["metadata"]["annotations"]
    return item


def _version() -> str:
    try:
        return version("pulumi-kubernetes")
    except PackageNotFoundError:
        return _VERSION
