"""The declarations are the official package's."""

import inspect
import typing
from typing import Any

import pulumi_keycloak
import pytest
from cumulo.providers.core.resource import Resource
from cumulo.providers.keycloak.provider import FUNCTIONS, RESOURCES, Keycloak
from cumulo.providers.keycloak.settings import CONFIG


def official(token: str) -> Any:
    """The official package's class or function."""
    module, name = token.split(":")[1].split("/")[0], token.rsplit(":", 1)[1]
    package = pulumi_keycloak if module == "index" else getattr(pulumi_keycloak, module)
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return getattr(package, name, None) or getattr(package, snake)


def properties(kind: Any) -> dict[str, bool]:
    """A class's properties, and whether each always has a value."""
    result = {}
    for attribute in vars(kind).values():
        if isinstance(attribute, property) and attribute.fget is not None:
            hint = typing.get_type_hints(attribute.fget)["return"]
            (value,) = typing.get_args(hint)
            optional = type(None) in typing.get_args(value)
            result[_name(attribute)] = not optional
    return result


def _name(attribute: property) -> str:
    return str(getattr(attribute.fget, "_pulumi_name", getattr(attribute.fget, "__name__", "")))


def arguments(kind: Any) -> set[str]:
    """The names of a class's inputs."""
    given = inspect.signature(kind._internal_init).parameters
    names = {
        name: _name(attribute)
        for name, attribute in vars(kind).items()
        if isinstance(attribute, property)
    }
    hidden = {"resource_name", "opts", "__self__", "__props__"}
    return {names[name] for name in given.keys() - hidden}


@pytest.mark.parametrize("kind", RESOURCES, ids=lambda kind: kind.__name__)
def test_a_type_has_the_official_properties(kind: type[Resource[Any]]) -> None:
    official_kind = official(kind.token)
    assert set(kind.fields) == set(properties(official_kind))
    inputs = {key for key, field in kind.fields.items() if not field.output}
    assert inputs == arguments(official_kind)


@pytest.mark.parametrize("kind", RESOURCES, ids=lambda kind: kind.__name__)
def test_a_type_asks_for_what_the_official_one_asks_for(kind: type[Resource[Any]]) -> None:
    official_kind = official(kind.token)
    always = {key for key, there in properties(official_kind).items() if there}
    required = {key for key, field in kind.fields.items() if field.required}
    assert required <= always
    # What always has a value is asked for, made up, chosen by Keycloak, or has a default.
    for key in always - required:
        field = kind.fields[key]
        assert field.computed or field.output or field.default is not None, key


def test_functions_and_configuration_are_the_official_ones() -> None:
    for function in FUNCTIONS:
        assert callable(official(function.token))
    keys = {
        _name(each)
        for each in vars(pulumi_keycloak.Provider).values()
        if isinstance(each, property)
    }
    assert keys <= CONFIG


def test_its_version_is_the_package_s() -> None:
    import importlib.metadata

    assert Keycloak().version == importlib.metadata.version("pulumi-keycloak")
