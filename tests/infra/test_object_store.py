from typing import Any

import pulumi
import pytest
from cumulo.infra import ArgumentError, ObjectStore, ObjectStoreHandle

from tests.fake_cloud import FakeCloud


def make(**change: Any) -> ObjectStore:
    args: Any = change
    return ObjectStore("models", args)


def seen(fake_cloud: FakeCloud, **args: Any) -> dict[str, Any]:
    """The handle's values, once they are known."""
    known: dict[str, Any] = {}

    def program() -> None:
        outputs = make(**args).handle.outputs()
        pulumi.Output.all(**outputs).apply(known.update)

    fake_cloud.run(program)
    return known


def test_one_user_alone_is_let_into_the_bucket(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(make)

    reach = "project-id:models-user-id"
    assert fake_cloud.inputs("models-bucket") == {
        "name": "models",
        "containerRead": reach,
        "containerWrite": reach,
        "versioning": False,
        "forceDestroy": False,
    }
    parts = fake_cloud.inputs("models-parts")
    assert (parts["name"], parts["containerRead"]) == ("models+segments", reach)
    assert (parts["containerWrite"], parts["forceDestroy"]) == (reach, True)
    assert fake_cloud.inputs("models-membership") == {
        "projectId": "project-id",
        "userId": "models-user-id",
        "roleId": "object-store-user-id",
    }
    assert fake_cloud.inputs("models-credential") == {
        "projectId": "project-id",
        "userId": "models-user-id",
    }
    # Whoever has no password cannot log in by one.
    assert "password" not in fake_cloud.inputs("models-user")


def test_the_handle_has_all_that_a_client_asks_for(fake_cloud: FakeCloud) -> None:
    assert seen(fake_cloud, authority="CERTIFICATE") == {
        "endpoint": "https://RegionOne",
        "region": "RegionOne",
        "bucket": "models",
        "access_key": "models-credential-access",
        "secret_key": "SECRET models-credential",
        "authority": "CERTIFICATE",
    }


def test_the_secret_is_secret(fake_cloud: FakeCloud) -> None:
    found: list[bool] = []

    async def look(handle: ObjectStoreHandle) -> bool:
        found.append(await handle.secret_key.is_secret())
        found.append(await handle.access_key.is_secret())
        return True

    def program() -> pulumi.Output[bool]:
        return pulumi.Output.from_input(look(make().handle))

    fake_cloud.run(program)
    assert found == [True, False]


def test_an_s3_endpoint_of_its_own_is_preferred(fake_cloud: FakeCloud) -> None:
    fake_cloud.catalog.append(
        {
            "type": "s3",
            "endpoints": [
                {"interface": "public", "region": "RegionOne", "url": "https://s3.example.org/x"}
            ],
        }
    )
    assert seen(fake_cloud)["endpoint"] == "https://s3.example.org"


def test_a_bucket_may_be_called_otherwise(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: make(bucket="team-a", versioning=True, force_destroy=True))

    bucket = fake_cloud.inputs("models-bucket")
    assert (bucket["name"], bucket["versioning"], bucket["forceDestroy"]) == ("team-a", True, True)
    assert fake_cloud.inputs("models-parts")["name"] == "team-a+segments"


@pytest.mark.parametrize(
    ("args", "field", "words"),
    [
        ({"bucket": "Models"}, "bucket", "not 3 to 63 lower-case letters"),
        ({"bucket": "a"}, "bucket", "not 3 to 63"),
        ({"bucket": "a" * 64}, "bucket", "not 3 to 63"),
        ({"bucket": "-models"}, "bucket", "not 3 to 63"),
        ({"buckets": "models"}, "buckets", "unknown field; allowed: authority, bucket"),
        ({"role": "nobody"}, "role", "the cloud has no role 'nobody'"),
    ],
)
def test_refuses_by_the_field_s_name(
    fake_cloud: FakeCloud, args: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(ArgumentError) as refused:
        fake_cloud.run(lambda: make(**args))

    assert refused.value.field == field
    assert words in refused.value.problem
    assert "models-bucket" not in fake_cloud.resources


def test_a_component_s_name_that_is_no_bucket_s_is_said_to_be_one(fake_cloud: FakeCloud) -> None:
    with pytest.raises(ArgumentError, match=r"'Team_A' is not 3 to 63 .*; name one, it is the"):
        fake_cloud.run(lambda: ObjectStore("Team_A"))


def test_refuses_a_cloud_without_object_storage(fake_cloud: FakeCloud) -> None:
    fake_cloud.catalog = [one for one in fake_cloud.catalog if one["type"] != "object-store"]

    with pytest.raises(ArgumentError, match="no public object-store in region 'RegionOne'"):
        fake_cloud.run(make)
