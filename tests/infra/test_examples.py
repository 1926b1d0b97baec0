"""What the docstrings show must work as it stands there."""

import doctest

import pulumi
import pytest
from cumulo import infra

from tests.fake_cloud import FakeCloud

COMPONENTS = [
    infra.Network,
    infra.SecurityGroup,
    infra.Server,
    infra.ServerPool,
    infra.GpuServer,
    infra.LoadBalancer,
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
