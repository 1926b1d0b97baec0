import pytest
from cumulo.local.language_host.packages import normalized, plugin_version


@pytest.mark.parametrize(
    ("package", "plugin"),
    [
        ("5.5.3", "5.5.3"),
        ("1.0", "1.0.0"),
        ("1", "1.0.0"),
        ("1.2.3a4", "1.2.3-alpha.4"),
        ("1.2.3b5", "1.2.3-beta.5"),
        ("1.2.3rc6", "1.2.3-rc.6"),
        ("1.2.3.post4", "1.2.3+post4"),
        ("1.2.3.dev5", "1.2.3+dev5"),
        ("1.2.3.post4.dev5", "1.2.3+post4dev5"),
        ("1!2.3", None),
        ("1.2.3+local", None),
        ("", None),
    ],
)
def test_a_plugins_version_follows_from_its_packages(package: str, plugin: str | None) -> None:
    assert plugin_version(package) == plugin


def test_names_compare_as_the_package_index_compares_them() -> None:
    assert normalized("Pulumi_OpenStack") == normalized("pulumi-openstack")
