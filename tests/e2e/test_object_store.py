"""Buckets and their credentials, with the client that users have."""

import io
import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.e2e.project import Project
from tests.e2e.tenant import Tenant

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(600)]

PROGRAM = Path(__file__).parent / "object_store/program.py"
MIB = 1024 * 1024

Stores = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def team(tenant: Tenant, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The stack of a team, without resources."""
    project = Project(tmp_path_factory.mktemp("buckets") / "buckets", tenant.clouds_yaml)
    shutil.copy(PROGRAM, project.folder / "stacks/__main__.py")
    project.base = {key: value for key, value in project.base.items() if key == "openstack:cloud"}
    return project


@pytest.fixture(scope="module")
def stores(team: Project) -> Iterator[Stores]:
    """The two buckets of the team, by name: what their handles say."""
    try:
        team.up(force=False)
        yield team.outputs("--show-secrets")
    finally:
        team.up(force=True)
        team.destroy()


@pytest.fixture(scope="module")
def owner(tenant: Tenant, stores: Stores) -> Any:
    """An S3 client of somebody who has a role in the project."""
    login = tenant.connection
    keys: Any = login.identity.post(
        f"/users/{login.current_user_id}/credentials/OS-EC2",
        json={"tenant_id": login.current_project_id},
    ).json()["credential"]
    return client({**stores["models"], "access_key": keys["access"], "secret_key": keys["secret"]})


def client(store: dict[str, Any], **other: str) -> Any:
    """An S3 client with the credential of a bucket."""
    return boto3.client(
        "s3",
        endpoint_url=store["endpoint"],
        region_name=store["region"],
        aws_access_key_id=store["access_key"],
        aws_secret_access_key=other.get("secret_key", store["secret_key"]),
        config=Config(
            s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, proxies={}
        ),
    )


def refusal(call: Callable[..., Any], **arguments: Any) -> str:
    """The code of the error that a call ends with."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return str(refused.value.response["Error"]["Code"])


def test_the_same_program_changes_nothing(team: Project, stores: Stores) -> None:
    again = ("preview", "--expect-no-changes", "--stack", team.stack)
    team.run(*again).ok()
    team.run(*again, "--refresh").ok()
    shown = json.dumps(team.outputs())
    assert stores["models"]["access_key"] in shown
    assert stores["models"]["secret_key"] not in shown


def test_objects_are_written_read_listed_and_deleted(stores: Stores) -> None:
    s3, bucket = client(stores["datasets"]), stores["datasets"]["bucket"]
    for key in ("a/one", "a/two", "b/drei ü"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode(), Metadata={"made-by": "test"})
    got = s3.get_object(Bucket=bucket, Key="b/drei ü")
    assert (got["Body"].read().decode(), got["Metadata"]) == ("b/drei ü", {"made-by": "test"})
    part = s3.get_object(Bucket=bucket, Key="a/one", Range="bytes=2-4")
    assert part["Body"].read() == b"one"

    listed = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [one["Prefix"] for one in listed["CommonPrefixes"]] == ["a/", "b/"]
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 2}
    )
    keys = [one["Key"] for page in pages for one in page["Contents"]]
    assert keys == ["a/one", "a/two", "b/drei ü"]

    s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "a/two"})
    assert s3.get_object(Bucket=bucket, Key="c")["Body"].read() == b"a/two"
    gone = s3.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": key} for key in (*keys, "c")]}
    )
    assert "Errors" not in gone
    assert refusal(s3.get_object, Bucket=bucket, Key="c") == "NoSuchKey"
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA256", "CRC64NVME"])
def test_the_checksums_of_newer_clients_are_taken(stores: Stores, algorithm: str) -> None:
    s3, bucket = client(stores["datasets"]), stores["datasets"]["bucket"]
    # Some take a library that boto3 does not bring: their values are given.
    values = {"CRC32C": "yZRlqg==", "CRC64NVME": "jSnVw/bqjr4="}
    given = {f"Checksum{algorithm}": values[algorithm]} if algorithm in values else {}
    how = given or {"ChecksumAlgorithm": algorithm}
    s3.put_object(Bucket=bucket, Key="sum", Body=b"hello world", **how)
    if given:
        wrong = {f"Checksum{algorithm}": "AAAA" + values[algorithm][4:]}
        arguments = {"Bucket": bucket, "Key": "sum", "Body": b"hello world", **wrong}
        assert refusal(s3.put_object, **arguments) in ("BadDigest", "InvalidRequest")
    s3.delete_object(Bucket=bucket, Key="sum")


def test_uploads_in_parts(stores: Stores) -> None:
    s3, bucket = client(stores["datasets"]), stores["datasets"]["bucket"]
    body = bytes(range(256)) * (11 * MIB // 256)
    parts = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    s3.upload_fileobj(io.BytesIO(body), bucket, "large", Config=parts)
    assert s3.head_object(Bucket=bucket, Key="large")["ETag"].endswith('-3"')
    assert s3.get_object(Bucket=bucket, Key="large")["Body"].read() == body

    upload = s3.create_multipart_upload(Bucket=bucket, Key="never")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="never", UploadId=upload, PartNumber=1, Body=b"x")
    open_ones = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [one["UploadId"] for one in open_ones] == [upload]
    s3.abort_multipart_upload(Bucket=bucket, Key="never", UploadId=upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="large")


def test_presigned_urls_need_no_credential(stores: Stores) -> None:
    s3, bucket = client(stores["datasets"]), stores["datasets"]["bucket"]
    where = {"Bucket": bucket, "Key": "lent"}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    put = urllib.request.Request(  # noqa: S310 - the cloud's own
        s3.generate_presigned_url("put_object", Params=where), b"lent", method="PUT"
    )
    with opener.open(put, timeout=60):
        pass
    url = s3.generate_presigned_url("get_object", Params=where)
    with opener.open(url, timeout=60) as answer:
        assert answer.read() == b"lent"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        opener.open(url.replace("/lent?", "/other?"), timeout=60)
    s3.delete_object(**where)


def test_versions_are_out_of_the_credential_s_reach(stores: Stores, owner: Any) -> None:
    s3, bucket = client(stores["models"]), stores["models"]["bucket"]
    where = {"Bucket": bucket, "Key": "model"}
    first = s3.put_object(**where, Body=b"first")["VersionId"]
    s3.put_object(**where, Body=b"second")
    s3.delete_object(**where)
    assert refusal(s3.get_object, **where) == "NoSuchKey"
    for call in (s3.get_object, s3.delete_object):
        assert refusal(call, **where, VersionId=first) == "AccessDenied"
    # Whoever has a stolen key can delete, and the owner brings it back.
    assert owner.get_object(**where, VersionId=first)["Body"].read() == b"first"


def test_a_credential_reaches_no_other_bucket_of_the_team(stores: Stores) -> None:
    mine, theirs = stores["models"], stores["datasets"]["bucket"]
    client(stores["datasets"]).put_object(Bucket=theirs, Key="secret", Body=b"x")
    s3 = client(mine)
    where = {"Bucket": theirs, "Key": "secret"}
    for refused in (
        refusal(s3.get_object, **where),
        refusal(s3.put_object, **where, Body=b"x"),
        refusal(s3.delete_object, **where),
        refusal(s3.list_objects_v2, Bucket=theirs),
        refusal(s3.create_multipart_upload, **where),
        refusal(s3.copy_object, Bucket=mine["bucket"], Key="stolen", CopySource=where),
    ):
        assert refused == "AccessDenied"
    client(stores["datasets"]).delete_object(**where)


def test_a_credential_is_no_owner(stores: Stores) -> None:
    s3, bucket = client(stores["models"]), stores["models"]["bucket"]
    open_to_all = {"Bucket": bucket, "ACL": "public-read"}
    suspended = {"Bucket": bucket, "VersioningConfiguration": {"Status": "Suspended"}}
    assert refusal(s3.create_bucket, Bucket="another") == "AccessDenied"
    assert refusal(s3.delete_bucket, Bucket=bucket) in ("AccessDenied", "BucketNotEmpty")
    assert refusal(s3.list_buckets) == "AccessDenied"
    assert refusal(s3.put_bucket_acl, **open_to_all) == "AccessDenied"
    assert refusal(s3.put_bucket_versioning, **suspended) == "AccessDenied"


def test_a_wrong_secret_opens_nothing(stores: Stores) -> None:
    store = stores["models"]
    guess = client(store, secret_key="0" * len(store["secret_key"]))
    assert refusal(guess.list_objects_v2, Bucket=store["bucket"]) == "SignatureDoesNotMatch"
    stranger = client({**store, "access_key": "0" * 32})
    assert refusal(stranger.list_objects_v2, Bucket=store["bucket"]) == "SignatureDoesNotMatch"


def test_what_holds_something_is_not_destroyed(team: Project, stores: Stores) -> None:
    store = stores["datasets"]
    s3, where = client(store), {"Bucket": store["bucket"], "Key": "kept"}
    s3.put_object(**where, Body=b"x")
    said = team.run("destroy", "--yes", "--skip-preview", "--stack", team.stack).refused()
    assert "container 'datasets' is kept, for it holds objects (1)" in said
    assert "force_destroy=True" in said
    # Nor is what it takes to read it.
    assert s3.get_object(**where)["Body"].read() == b"x"
