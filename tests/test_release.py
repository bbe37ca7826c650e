"""The check before a release finds each kind of problem."""

import zipfile

import pytest
from helpers.support import PROJECT, tool

RELEASE = tool("release")


def wheel_in(folder, version="0.1.0", names=RELEASE.NEEDED, size=0):
    wheel = folder / f"bpcourse-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
        archive.writestr("more", b"0" * size)
    return wheel


def test_problems__none(tmp_path):
    assert RELEASE.problems(PROJECT, wheel_in(tmp_path)) == []


@pytest.mark.parametrize(
    "made, tag, words",
    [
        ({"size": 2_000_000}, "", "at most 2,000,000"),
        ({"names": RELEASE.NEEDED[1:]}, "", "has no bpcourse/data/lessons/00_start_here.ipynb"),
        ({}, "v0.2.0", "The tag is v0.2.0, but the version is 0.1.0"),
        ({"version": "0.9.0"}, "", "CITATION.cff does not name the version 0.9.0"),
        ({"version": "0.9.0"}, "v0.9.0", "CHANGELOG.md has no section [0.9.0]"),
    ],
)
def test_problems__are_found(made, tag, words, tmp_path):
    assert words in "\n".join(RELEASE.problems(PROJECT, wheel_in(tmp_path, **made), tag))
