"""The files for hubs and Binder fit the course."""

import subprocess
import sys
import tomllib
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from helpers.support import PROJECT
from traitlets.config.loader import PyFileConfigLoader

from bpcourse.lab import lessons

DEPLOY = PROJECT / "deploy"
FIRST = lessons.originals()[0].name
VALUES = yaml.safe_load((DEPLOY / "values.yaml").read_text(encoding="utf-8"))
README = (DEPLOY / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def config(monkeypatch):
    monkeypatch.setenv("CLASS_PASSWORD", "secret")
    return PyFileConfigLoader("jupyterhub_config.py", path=str(DEPLOY)).load_config()


def test_config__listens_on_this_machine_and_opens_the_first_lesson(config):
    assert urlsplit(config.JupyterHub.bind_url).hostname == "127.0.0.1"
    assert config.Spawner.default_url == f"/lab/tree/bpcourse-lessons/{FIRST}"
    assert config.Spawner.args == ["--KernelManager.transport=ipc"]


def test_config__copies_the_lessons_before_a_start(config, tmp_path):
    class Spawner:
        home_dir = str(tmp_path)

    config.Spawner.pre_spawn_hook(Spawner)
    assert (tmp_path / "bpcourse-lessons" / FIRST).exists()


def test_values__agree_with_the_config(config):
    student = VALUES["singleuser"]
    assert student["defaultUrl"] == config.Spawner.default_url
    assert student["memory"] == {"guarantee": config.Spawner.mem_guarantee, "limit": config.Spawner.mem_limit}
    assert VALUES["hub"]["concurrentSpawnLimit"] == config.JupyterHub.concurrent_spawn_limit


def test_values__the_command_copies_the_lessons(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))  # on Windows
    python, *words = VALUES["singleuser"]["lifecycleHooks"]["postStart"]["exec"]["command"]
    assert python == "python"
    subprocess.run([sys.executable, *words], check=True)
    assert (tmp_path / "bpcourse-lessons" / FIRST).exists()


def test_links__open_the_first_lesson():
    links = [line for line in README.splitlines() if line.startswith("https://") and "urlpath=" in line]
    paths = [parse_qs(urlsplit(link).query)["urlpath"][0] for link in links]
    assert paths == [f"lab/tree/bpcourse/lessons/{FIRST}", f"lab/tree/lessons/{FIRST}"]


def test_environment__installs_the_course_with_jupyterlab():
    *packages, last = yaml.safe_load((PROJECT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    assert last == {"pip": ["-e .[lab]"]}
    assert "pip" in packages
    assert (
        "lab"
        in tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    )
