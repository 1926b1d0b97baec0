"""When an object can be used, and what is said until then."""

from typing import Any

import pytest

from tests.providers.kubernetes.recorded import event, look, made, pod

READY = {"Ready": "True"}


def deployment(wanted: int = 2, **status: Any) -> dict[str, Any]:
    return made(
        "Deployment",
        "apps/v1",
        metadata={"generation": 2, "annotations": {"deployment.kubernetes.io/revision": "2"}},
        spec={"replicas": wanted, "selector": {"matchLabels": {"app": "x"}}},
        status={"observedGeneration": 2, **status},
    )


def test_a_deployment_whose_pods_serve() -> None:
    done = deployment(**counts(2, 2, 2))
    assert look(done).ready
    assert look(deployment(wanted=0)).ready


def counts(total: int, updated: int, available: int) -> dict[str, int]:
    return {"replicas": total, "updatedReplicas": updated, "availableReplicas": available}


def test_a_deployment_that_its_controller_has_not_seen() -> None:
    done = deployment(**counts(2, 2, 2))
    done["metadata"]["generation"] = 3
    assert look(done).message == "waiting for the deployment controller"


def test_a_deployment_that_rolls_on() -> None:
    assert look(deployment(**counts(2, 1, 2))).message == "1/2 ready"
    assert look(deployment(**counts(3, 2, 2))).message == "2/2 ready; 1 old pods are to go"


def test_a_paused_deployment_is_not_waited_for() -> None:
    paused = deployment(**counts(1, 0, 0))
    paused["spec"]["paused"] = True
    assert look(paused).ready


def test_a_deployment_out_of_time_has_failed() -> None:
    conditions = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
    late = look(deployment(**counts(2, 2, 0), conditions=conditions))
    assert late.failed
    assert late.message == "0/2 ready after its progressDeadlineSeconds of 600"


def test_a_deployment_whose_pods_may_not_be_made() -> None:
    refused = [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: pods"}]
    seen = look(deployment(**counts(0, 0, 0), conditions=refused))
    assert seen.message == "0/2 ready: exceeded quota: pods"


def test_only_the_newest_pods_of_a_deployment_are_told_about() -> None:
    sets = [
        made(
            "ReplicaSet",
            "apps/v1",
            metadata={
                "annotations": {"deployment.kubernetes.io/revision": revision},
                "labels": {"pod-template-hash": revision},
                "ownerReferences": [{"uid": "u"}],
            },
        )
        for revision in ("1", "2")
    ]
    pods = [pod(name, conditions={"PodScheduled": f"False: {name}"}) for name in ("old", "new")]
    pods[0]["metadata"]["labels"] = {"pod-template-hash": "1"}
    pods[1]["metadata"]["labels"] = {"pod-template-hash": "2"}
    seen = look(deployment(**counts(2, 1, 0)), *sets, *pods)
    assert seen.message == "0/2 ready: pod new: cannot be scheduled: new"


def container(**state: Any) -> dict[str, Any]:
    return {"name": "c", "image": "i:1", "ready": False, "restartCount": 4, **state}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason, "message": message}}}


def test_a_pod_that_cannot_be_scheduled() -> None:
    seen = look(pod(conditions={"PodScheduled": "False: 0/3 nodes: 3 Insufficient gpu"}))
    assert seen.message == "pod p: cannot be scheduled: 0/3 nodes: 3 Insufficient gpu"
    assert not seen.failed


def test_an_image_that_cannot_be_pulled() -> None:
    failing = pod(containers=[container(**waiting("ErrImagePull", "i:1: not found"))])
    assert look(failing).message == (
        "pod p: the image i:1 of container c cannot be pulled: i:1: not found"
    )
    pausing = pod(containers=[container(**waiting("ImagePullBackOff", "Back-off pulling"))])
    noted = [
        event("uid-p", "Failed", "no such host", "2030-01-01T00:00:02Z"),
        event("uid-p", "BackOff", "older", "2030-01-01T00:00:01Z"),
        event("uid-other", "Failed", "of another", "2030-01-01T00:00:03Z"),
    ]
    assert look(pausing, *noted).message == (
        "pod p: the image i:1 of container c cannot be pulled: Failed: no such host"
    )


def test_a_crash_loop_tells_the_last_lines() -> None:
    crashing = pod(
        containers=[
            container(
                **waiting("CrashLoopBackOff", "back-off 40s"),
                lastState={"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
            )
        ]
    )
    assert look(crashing, logs={"c": "loading\n\nout of memory\n"}).message == (
        "pod p: container c keeps ending, 4 times so far, and ended with exit code 137 "
        "(OOMKilled); it said: loading | out of memory"
    )


def test_a_container_that_lacks_something() -> None:
    lacking = pod(containers=[container(**waiting("CreateContainerConfigError", 'no secret "s"'))])
    assert look(lacking).message == (
        'pod p: container c: CreateContainerConfigError: no secret "s"'
    )


def test_a_pod_that_hangs_is_explained_by_its_events() -> None:
    hanging = pod(containers=[container(**waiting("ContainerCreating"))])
    mount = event("uid-p", "FailedMount", "volume not found")
    assert look(hanging, mount).message == "pod p: FailedMount: volume not found"
    assert look(hanging, mount, seconds=1.0).message == "waiting to be ready: it is pending"


def test_pods_that_serve_or_are_done() -> None:
    assert look(pod(phase="Running", conditions=READY)).ready
    assert look(pod(phase="Succeeded")).ready


def test_a_pod_that_failed() -> None:
    seen = look(pod(phase="Failed", reason="Evicted", message="low on memory"))
    assert seen.failed
    assert seen.message == "pod p: Evicted: low on memory"


def stateful_set(
    wanted: int, strategy: dict[str, Any] | None = None, **status: Any
) -> dict[str, Any]:
    selector = {"matchLabels": {"app": "x"}}
    spec = {"replicas": wanted, "selector": selector, "updateStrategy": strategy or {}}
    return made(
        "StatefulSet",
        "apps/v1",
        metadata={"generation": 1},
        spec=spec,
        status={"observedGeneration": 1, **status},
    )


def test_a_stateful_set() -> None:
    same: dict[str, Any] = {"currentRevision": "a", "updateRevision": "a"}
    assert look(stateful_set(2, replicas=2, readyReplicas=2, **same)).ready
    assert look(stateful_set(2, replicas=2, readyReplicas=1, **same)).message == "1/2 ready"
    rolling: dict[str, Any] = {"currentRevision": "a", "updateRevision": "b"}
    partly = stateful_set(2, replicas=2, readyReplicas=2, updatedReplicas=1, **rolling)
    assert look(partly).message == "1/2 ready"
    kept = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    assert look(
        stateful_set(2, kept, replicas=2, readyReplicas=2, updatedReplicas=1, **rolling)
    ).ready
    by_hand = {"type": "OnDelete"}
    assert look(stateful_set(2, by_hand, replicas=2, readyReplicas=2, **rolling)).ready


def test_a_stateful_set_whose_pods_may_not_be_made() -> None:
    noted = event("u", "FailedCreate", "no service account")
    assert look(stateful_set(1), noted).message == "0/1 ready: FailedCreate: no service account"


def test_a_daemon_set() -> None:
    def daemon_set(wanted: int, updated: int, available: int) -> dict[str, Any]:
        return made(
            "DaemonSet",
            "apps/v1",
            metadata={"generation": 1},
            spec={"selector": {"matchLabels": {"app": "x"}}},
            status={
                "observedGeneration": 1,
                "desiredNumberScheduled": wanted,
                "updatedNumberScheduled": updated,
                "numberAvailable": available,
            },
        )

    assert look(daemon_set(3, 3, 3)).ready
    assert look(daemon_set(0, 0, 0)).ready
    assert look(daemon_set(3, 3, 2)).message == "2/3 ready"


def job(**status: Any) -> dict[str, Any]:
    spec = {"completions": 3, "selector": {"matchLabels": {"job": "x"}}}
    return made("Job", "batch/v1", spec=spec, status=status)


def test_a_job_is_waited_for_until_it_is_done() -> None:
    assert look(job(conditions=[{"type": "Complete", "status": "True"}])).ready
    assert look(job(succeeded=1)).message == "1/3 done"
    suspended = job()
    suspended["spec"]["suspend"] = True
    assert look(suspended).ready


def test_a_job_that_failed_tells_what_its_pod_said() -> None:
    failed = [{"type": "Failed", "status": "True", "message": "backoff limit reached"}]
    ended = {"state": {"terminated": {"exitCode": 2, "reason": "Error"}}}
    broken = pod(phase="Failed", containers=[container(**ended)])
    seen = look(job(conditions=failed), broken, logs={"c": "no such file\n"})
    assert seen.failed
    assert seen.message == (
        "it failed: backoff limit reached; "
        "pod p: container c ended with exit code 2; it said: no such file"
    )


def service(**spec: Any) -> dict[str, Any]:
    status = spec.pop("status", {})
    return made("Service", spec={"selector": {"app": "x"}, **spec}, status=status)


def endpoints(*ready: bool) -> dict[str, Any]:
    listed = [{"conditions": {"ready": one}} for one in ready]
    return made("EndpointSlice", "discovery.k8s.io/v1", endpoints=listed)


def test_services_that_lead_to_pods() -> None:
    assert look(service(), endpoints(True, True)).ready
    assert look(service(), endpoints(True, False)).message == "1 of 2 pods behind it are ready"
    assert look(service(), seconds=1.0).message == "waiting for pods with app=x"
    assert look(service(), seconds=11.0).ready


@pytest.mark.parametrize(
    "spec", [{"type": "ExternalName"}, {"clusterIP": "None"}, {"selector": None}]
)
def test_services_that_lead_to_none(spec: dict[str, Any]) -> None:
    assert look(service(**spec), seconds=0.0).ready


def test_a_load_balancer_has_an_address() -> None:
    balanced = service(type="LoadBalancer")
    noted = event("u", "SyncLoadBalancerFailed", "quota exceeded")
    assert look(balanced, endpoints(True), noted).message == (
        "waiting for the load balancer's address: SyncLoadBalancerFailed: quota exceeded"
    )
    balanced["status"] = {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}
    assert look(balanced, endpoints(True)).ready


def test_an_ingress_has_an_address() -> None:
    ingress = made("Ingress", "networking.k8s.io/v1", spec={}, status={})
    assert "ingress controller" in look(ingress).message
    ingress["status"] = {"loadBalancer": {"ingress": [{"hostname": "h"}]}}
    assert look(ingress).ready


def test_a_claim_gets_its_volume_or_waits_for_its_pod() -> None:
    claim = made(
        "PersistentVolumeClaim", spec={"storageClassName": "s"}, status={"phase": "Pending"}
    )
    later = made("StorageClass", metadata={"name": "s"}, volumeBindingMode="WaitForFirstConsumer")
    assert look(claim, later).ready
    assert look(claim).message == "waiting for a volume: there is no StorageClass s"
    now = made("StorageClass", metadata={"name": "s"}, volumeBindingMode="Immediate")
    noted = event("u", "ProvisioningFailed", "no space")
    assert look(claim, now, noted).message == "waiting for a volume: ProvisioningFailed: no space"
    claim["status"]["phase"] = "Bound"
    assert look(claim).ready
    unnamed = made("PersistentVolumeClaim", spec={}, status={})
    assert "the cluster has no default" in look(unnamed).message


def test_the_token_of_a_service_account() -> None:
    token = made(
        "Secret",
        type="kubernetes.io/service-account-token",
        metadata={"annotations": {"kubernetes.io/service-account.name": "robot"}},
    )
    assert look(token).message == "waiting for the token of service account robot"
    token["data"] = {"token": "x"}
    assert look(token).ready
    assert look(made("Secret", type="Opaque")).ready


def test_a_definition_is_established_and_served() -> None:
    spec = {
        "group": "test.dev",
        "names": {"kind": "Planet"},
        "versions": [{"name": "v1", "served": True}, {"name": "v0", "served": False}],
    }
    definition = made("CustomResourceDefinition", "apiextensions.k8s.io/v1", spec=spec)
    assert look(definition).message == "waiting to be established"
    taken = [{"type": "NamesAccepted", "status": "False", "message": "planets is taken"}]
    assert look({**definition, "status": {"conditions": taken}}).message == (
        "its names are taken: planets is taken"
    )
    established = {
        **definition,
        "status": {"conditions": [{"type": "Established", "status": "True"}]},
    }
    assert look(established).message == "waiting for test.dev/v1 to be served"
    assert look(established, {"serves": "Planet"}).ready


def test_other_kinds_are_ready_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = [{"type": "Ready", "status": "False", "message": "no luck"}]
    planet = made("Planet", "test.dev/v1", status={"conditions": waits})
    assert look(planet).ready
    monkeypatch.setenv("PULUMI_K8S_AWAIT_ALL", "true")
    assert look(planet).message == "waiting to be ready: no luck"


def test_the_program_says_what_to_wait_for() -> None:
    ready: dict[str, Any] = {
        "type": "Ready",
        "status": "False",
        "reason": "Why",
        "message": "no luck",
    }
    planet = made("Planet", "test.dev/v1", status={"conditions": [ready], "phase": "Young"})

    def seen(text: str) -> str:
        return look(planet, annotations={"pulumi.com/waitFor": text}).message

    assert seen("condition=Ready") == "waiting for Ready=True: it is False (Why: no luck)"
    assert seen("condition=Ready=False") == ""
    assert seen("condition=Other") == "waiting for the condition Other"
    assert seen("jsonpath={.status.phase}=Old") == (
        "waiting for jsonpath={.status.phase}=Old: it is 'Young'"
    )
    assert seen("jsonpath={.status.age}") == "waiting for jsonpath={.status.age}: there is nothing"
    assert seen('["jsonpath={.status.phase}", "condition=Ready"]').startswith("waiting for Ready")
    planet["metadata"]["generation"] = 2
    ready["observedGeneration"] = 1
    assert seen("condition=Ready=False") == (
        "waiting for the condition Ready of the newest version"
    )
