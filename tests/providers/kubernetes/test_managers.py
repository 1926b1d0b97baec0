"""Who wrote what in an object, as the cluster remembers it."""

from typing import Any

from cumulo.providers.kubernetes import managers
from cumulo.providers.kubernetes.api import ApiError

OURS = "pulumi-kubernetes-0123"


def fields(*names: str) -> dict[str, Any]:
    return {"f:spec": {f"f:{name}": {} for name in names}}


def entry(manager: str, operation: str, *names: str, **more: str) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": fields(*names), **more}


def live(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"resourceVersion": "5", "managedFields": list(entries)}}


def test_the_mark_is_the_same_for_the_same_resource_only() -> None:
    one = managers.marked("provider-1", "urn-1")
    assert one == managers.marked("provider-1", "urn-1")
    assert one.startswith("pulumi-kubernetes-")
    assert one not in (managers.marked("provider-2", "urn-1"), managers.marked("provider-1", "u"))
    assert managers.marked("", "urn-1") != managers.marked("", "urn-1")


def test_the_program_the_state_and_the_mark_name_the_manager_in_that_order() -> None:
    named = {"metadata": {"annotations": {"pulumi.com/patchFieldManager": "mine"}}}
    state = {"__fieldManager": "states"}
    assert managers.manager_of(state, named, "mark") == "mine"
    assert managers.manager_of(state, {}, "mark") == "states"
    assert managers.manager_of({}, {}, "mark") == "mark"


def test_only_what_was_applied_is_managed() -> None:
    assert managers.manages(live(entry(OURS, "Apply", "a")), OURS)
    assert not managers.manages(live(entry(OURS, "Update", "a")), OURS)
    assert not managers.manages({}, OURS)


def test_what_was_written_without_apply_is_taken_over() -> None:
    made_by_the_official_provider = live(
        entry("pulumi-kubernetes", "Update", "a", "b"),
        entry("kube-controller-manager", "Update", "c", subresource="status"),
        entry("hpa", "Update", "replicas"),
    )
    assert managers.foreign(made_by_the_official_provider, OURS)
    test, replace = managers.taken_over(made_by_the_official_provider, OURS)
    assert test == {"op": "test", "path": "/metadata/resourceVersion", "value": "5"}
    kept = {(item["manager"], item["operation"]): item for item in replace["value"]}
    assert kept.keys() == {
        (OURS, "Apply"),
        ("kube-controller-manager", "Update"),
        ("hpa", "Update"),
    }
    assert kept[OURS, "Apply"]["fieldsV1"] == fields("a", "b")


def test_it_joins_what_is_ours_already() -> None:
    both = live(entry(OURS, "Apply", "a"), entry("kubectl-client-side-apply", "Update", "b"))
    _, replace = managers.taken_over(both, OURS)
    (only,) = replace["value"]
    assert only["fieldsV1"] == fields("a", "b")
    assert not managers.foreign(live(only), OURS)


def test_what_somebody_typed_is_not_taken_over_as_a_whole() -> None:
    assert not managers.foreign(live(entry("kubectl-edit", "Update", "a")), OURS)
    assert not managers.foreign(live(entry("kubectl-rollout", "Update", "a")), OURS)


def test_owners_of_a_path() -> None:
    item = {
        "spec": {"replicas": 1, "containers": [{"name": "a"}, {"name": "b", "image": "i"}]},
        "metadata": {
            "finalizers": ["x/y"],
            "managedFields": [
                entry("hpa", "Update", "replicas"),
                {
                    "manager": OURS,
                    "operation": "Apply",
                    "fieldsV1": {
                        "f:spec": {"f:containers": {'k:{"name":"b"}': {".": {}, "f:image": {}}}},
                        "f:metadata": {"f:finalizers": {'v:"x/y"': {}}},
                    },
                },
            ],
        },
    }
    assert managers.owners(item, ("spec", "replicas")) == {"hpa"}
    assert managers.owners(item, ("spec", "containers", 1, "image")) == {OURS}
    assert managers.owners(item, ("spec", "containers", 0, "image")) == set()
    assert managers.owners(item, ("metadata", "finalizers", 0)) == {OURS}
    assert managers.owners(item, ("spec",)) == {"hpa", OURS}


def conflict(*told: tuple[str, str]) -> ApiError:
    causes = [
        {"reason": "FieldManagerConflict", "field": field, "message": f'conflict with "{manager}"'}
        for field, manager in told
    ]
    return ApiError("PATCH /x", 409, {"message": "conflicts", "details": {"causes": causes}})


def test_a_conflict_names_the_manager_and_the_mend() -> None:
    error = conflict((".spec.replicas", "hpa"))
    told = str(managers.explained(error, {"metadata": {"name": "d", "namespace": "n"}}))
    assert '.spec.replicas ("hpa")' in told
    assert 'pulumi.com/patchForce: "true"' in told
    other = ApiError("PATCH /x", 409, {"message": "the object has been modified"})
    assert managers.explained(other, {}) is other


def test_what_was_typed_by_hand_gives_way() -> None:
    assert managers.by_hand(conflict((".spec.replicas", "kubectl-edit"), (".a", "kubectl")))
    assert not managers.by_hand(conflict((".spec.replicas", "kubectl"), (".a", "hpa")))
    assert not managers.by_hand(conflict())


def test_an_object_with_nothing_in_it_is_marked_all_the_same() -> None:
    bare = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
    assert managers.recorded(bare)["metadata"] == {"name": "n", "annotations": {}}
    assert bare["metadata"] == {"name": "n"}
    full = {**bare, "spec": {}}
    assert managers.recorded(full) is full
