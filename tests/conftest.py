"""Fixtures that every room's tests may use."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from openstack.connection import Connection


@pytest.fixture(scope="session")
def cloud_name() -> str:
    """The `clouds.yaml` entry that tests run against: the local cloud, brought up if it is not.

    `CUMULO_TEST_CLOUD` names another, which must be up already.
    """
    other = os.environ.get("CUMULO_TEST_CLOUD")
    if other:
        return other
    from cumulo.local import cloud

    cloud.up()
    return "cumulo-local"


@pytest.fixture(scope="session")
def cloud(cloud_name: str) -> "Iterator[Connection]":
    """A connection to the cloud that tests run against, as its administrator."""
    import openstack

    with openstack.connect(cloud=cloud_name) as connection:
        yield connection


@pytest.fixture(scope="session")
def pulumi() -> Path:
    """The Pulumi CLI; built if it must be."""
    from cumulo.local import toolchain

    return toolchain.ensure()
