"""The families of real art: free licences, a fixed split, and nothing that the project is measured with."""

import pytest
from colorizer_lab.data.art.families import catalogue

FREE = {
    "CC0-1.0", "CC-BY-4.0", "CC-BY-SA-3.0", "MIT", "Apache-2.0", "GPL-2.0-or-later", "GPL-3.0-or-later",
    "public domain dedication",
}  # fmt: skip
MEASURED_WITH = (
    "openmoji", "adventurer", "micah", "big-smile", "miniavs", "open-peeps", "gopher", "wapuu", "facesjs", "robohash",
    "renpy", "pepper", "gameart2d", "bigheads", "cat-avatar",
)  # fmt: skip


def test_every_package_is_free_and_names_its_authors():
    for package in catalogue().packages.values():
        assert package.licence in FREE
        assert package.authors


@pytest.mark.parametrize("name", MEASURED_WITH)
def test_nothing_that_the_project_is_measured_with_is_in_the_set(name):
    assert all(name not in package.name.lower() for package in catalogue().packages.values())


def test_about_a_third_decides_and_every_kind_is_in_it():
    families = catalogue().families
    deciding = [family for family in families if family.split == "deciding"]
    assert 0.25 < len(deciding) / len(families) < 0.4
    assert {family.kind for family in deciding} == {family.kind for family in families}


def test_names_are_unique_and_make_names_of_items():
    names = [family.name for family in catalogue().families]
    assert len(set(names)) == len(names)
    assert all(name.isalnum() for name in names)


def test_every_family_comes_from_a_pinned_package():
    packages = catalogue().packages
    assert all(family.package in packages for family in catalogue().families)
    assert all(len(one.sha256) == 64 for one in packages.values() if one.client != "shared")
