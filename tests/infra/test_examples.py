"""What the docstrings show must work as it stands there."""

import doctest
import re
from pathlib import Path

import pulumi
import pytest
from cumulo import infra

from tests.fake_cloud import FakeCloud

ROOT = Path(__file__).parents[2]

COMPONENTS = [
    infra.Network,
    infra.SecurityGroup,
    infra.Server,
    infra.ServerPool,
    infra.GpuServer,
    infra.LoadBalancer,
    infra.ObjectStore,
    infra.KubernetesCluster,
    infra.ClusterAddons,
    infra.Registry,
]


def test_every_component_is_here() -> None:
    public = (getattr(infra, name) for name in infra.__all__)
    components = [
        item
        for item in public
        if isinstance(item, type) and issubclass(item, pulumi.ComponentResource)
    ]

    assert sorted(components, key=repr) == sorted(COMPONENTS, key=repr)


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_example_makes_the_component(
    component: type[pulumi.ComponentResource], fake_cloud: FakeCloud
) -> None:
    examples = doctest.DocTestParser().get_examples(component.__doc__ or "")
    source = "".join(example.source for example in examples)

    fake_cloud.run(lambda: exec(source, {"pulumi": pulumi}))  # noqa: S102

    assert f"cumulo:index:{component.__name__}" in fake_cloud.components


@pytest.mark.parametrize("page", ["README.md", "docs/infra.md"])
def test_the_pages_show_programs_that_work(page: str, fake_cloud: FakeCloud) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    whole = next(block for block in blocks if "from cumulo.infra import" in block)

    fake_cloud.run(lambda: exec(whole, {}))  # noqa: S102

    assert fake_cloud.of_type("Instance")
