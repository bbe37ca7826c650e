"""JupyterHub on one machine: each student gets a JupyterLab with the lessons.

    CLASS_PASSWORD="a password of yours" jupyterhub -f deploy/jupyterhub_config.py

`benchmarks/hub.py` measures a hub with this file. It listens only on this machine. To open it to a class, put a web
server with HTTPS in front of it, and replace the last section: there, all servers run as one account of the system.
"""

import os
from pathlib import Path

from bpcourse.lab import lessons

c = get_config()  # noqa: F821
c.JupyterHub.bind_url = "http://127.0.0.1:8000"

# For each student. One with two lessons open uses about 333 MB. The simple spawner only shows the limits to students;
# those of The Littlest JupyterHub and of Kubernetes enforce them.
c.Spawner.mem_guarantee = "350M"
c.Spawner.mem_limit = "1G"
c.Spawner.default_url = f"/lab/tree/bpcourse-lessons/{lessons.originals()[0].name}"

# Kernels of several students that start in the same moment can choose the same TCP port. Files in their homes always
# differ.
c.Spawner.args = ["--KernelManager.transport=ipc"]

# The beginning of a class: a start takes about 8 seconds of a processor, so a class that starts together waits.
c.JupyterHub.concurrent_spawn_limit = 20
c.Spawner.start_timeout = c.Spawner.http_timeout = 180

# Only for a trial: one password for all, and one account of the system that runs all servers, so that students can
# read each other's files.
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = os.environ["CLASS_PASSWORD"]
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = f"{Path.cwd()}/students/{{username}}"


def copy_lessons(spawner):
    """Copy the lessons that the student does not have yet."""
    lessons.copy(Path(spawner.home_dir) / "bpcourse-lessons")


c.Spawner.pre_spawn_hook = copy_lessons
