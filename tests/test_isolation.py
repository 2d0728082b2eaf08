"""One policy, two starts: code sees the same in a kernel that starts cold and in a forked one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.kernel import pool
from autograder.kernel.isolation.policy import (
    MIB,
    NAMESPACES,
    Limits,
    Policy,
    Surroundings,
)
from autograder.kernel.isolation.student_policy import student_policy
from autograder.kernel.session import KernelSession

PROC = {"mount": "mnt"}  # namespaces that /proc calls otherwise
LIMITS = Limits(scratch=48, processes=77, open_files=500)
LOOK = """
import glob, json, os, resource, socket

def text(path):
    with open(path) as file:
        return file.read()

def size(path):
    return os.statvfs(path).f_blocks * os.statvfs(path).f_frsize

def mounts():
    seen = {}
    for line in text('/proc/self/mountinfo').splitlines():
        before, after = line.split(' - ')
        _, _, device, _, target, options = before.split()[:6]
        major, minor = map(int, device.split(':'))
        if not os.path.exists(target) or os.stat(target, follow_symlinks=False).st_dev != (
                os.makedev(major, minor)) and not target.startswith('/dev/'):
            continue  # covered by another one, and so out of reach
        kind, options = after.split()[0], sorted(set(options.split(',')) - {'relatime'})
        name = '(runtime)' if target.endswith('/runtime') else target
        seen[name] = [kind, options, size(target) if kind == 'tmpfs' and 'rw' in options else 0]
    return seen

def writable(path):
    return os.access(path, os.W_OK) and not os.statvfs(path).f_flag & os.ST_RDONLY

def status():
    lines = dict(line.split(':', 1) for line in text('/proc/self/status').splitlines())
    return {name: lines[name].split() for name in (
        'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb', 'NoNewPrivs', 'Seccomp',
        'Seccomp_filters', 'Umask', 'Groups', 'NSpid') if name in lines}

print(json.dumps({
    'mounts': mounts(),
    'root': sorted(set(os.listdir('/')) - {'cgroups'}),
    'control groups': glob.glob('/cgroups/*'),
    'devices': sorted(os.listdir('/dev')),
    'writable': [path for path in (
        '/', '/dev', '/tmp', '/home', '/home/student', '/home/own', '/dev/shm', '/submission',
        '/usr', '/etc', '/proc/sys', '/course', '/course/data') if writable(path)],
    'limits': {name: resource.getrlimit(getattr(resource, name))
               for name in dir(resource) if name.startswith('RLIMIT')},
    'status': status(),
    'namespaces': {name: os.readlink(f'/proc/self/ns/{name}')
                   for name in os.listdir('/proc/self/ns')},
    'environment': dict(os.environ),
    'processes': sorted(int(path.split('/')[2]) for path in glob.glob('/proc/[0-9]*/stat')),
    'network': [socket.if_nameindex(), text('/proc/net/route').splitlines()[1:]],
    'host': socket.gethostname(),
    'groups': [line.split(':')[2] for line in text('/proc/self/cgroup').splitlines()],
    'home': [os.getcwd(), sorted(os.listdir()), os.listdir('/home/own')],
    'user': [os.getresuid() == (os.getuid(),) * 3, os.getresgid() == (os.getgid(),) * 3,
             os.getuid() != 0],
}))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, Any]]]:
    """What code sees in a kernel of either kind."""
    home = tmp_path_factory.mktemp("home")
    (home / "mine.py").write_text("ANSWER = 42\n")
    found = {}
    for name, preload in ("cold", []), ("forked", ["numpy"]):
        around = Surroundings({"sklearn": "not allowed"}, preload=preload,
                              environment={"COURSE": "nlp"}, reads={"/course/data": str(home)})
        with KernelSession(home, LIMITS, around) as session:
            outcome = session.run(LOOK, 30)
            assert outcome.kind == "done", outcome.says
            found[name] = json.loads("".join(out["text"] for out in outcome.outputs))
    pool.close_all()
    yield found


@pytest.mark.sandbox
@pytest.mark.parametrize("what", [
    "mounts", "root", "control groups", "devices", "writable", "limits", "status", "environment",
    "processes", "network", "host", "groups", "home", "user"])
def test_both_see_the_same(seen: dict[str, dict[str, Any]], what: str) -> None:
    assert seen["cold"][what] == seen["forked"][what]


@pytest.mark.sandbox
@pytest.mark.parametrize("start", ["cold", "forked"])
def test_it_is_what_the_policy_says(seen: dict[str, dict[str, Any]], start: str, tmp_path: Path
                                    ) -> None:
    inside = seen[start]
    (tmp_path / "runtime").mkdir()
    policy = student_policy(tmp_path, tmp_path / "runtime", LIMITS, Surroundings(
        {"sklearn": "not allowed"}, environment={"COURSE": "nlp"}))
    for mount in policy.mounts:
        if mount.kind != "symlink":
            target = mount.target if mount.target != str(tmp_path / "runtime") else "(runtime)"
            kind, options, size = inside["mounts"][target]
            assert ("rw" in options) == (mount.writable or mount.kind in ("tmpfs", "proc")), mount
            assert mount.kind != "tmpfs" or (kind, size) == ("tmpfs", mount.size * MIB)
            assert "nosuid" in options
    for name, most in policy.rlimits.items():
        assert inside["limits"][f"RLIMIT_{name.upper()}"] == [most, most]
    assert policy.environment.items() <= inside["environment"].items()
    assert inside["status"]["Seccomp"] == ["2" if policy.seccomp else "0"]
    assert inside["writable"] == ["/tmp", "/home", "/home/student", "/home/own", "/dev/shm"]
    assert inside["control groups"] == [] and set(inside["groups"]) == {"/"}
    for name in (*NAMESPACES, "cgroup"):
        here = os.readlink(f"/proc/self/ns/{PROC.get(name, name)}")
        assert inside["namespaces"][PROC.get(name, name)] != here, name


@pytest.mark.sandbox
def test_no_two_share_a_namespace(seen: dict[str, dict[str, Any]]) -> None:
    for name in (PROC.get(name, name) for name in (*NAMESPACES, "cgroup")):
        assert seen["cold"]["namespaces"][name] != seen["forked"]["namespaces"][name]


def test_a_policy_travels_as_json(tmp_path: Path) -> None:
    policy = student_policy(tmp_path, tmp_path, Limits(), Surroundings(), ("/a", "/b"))
    data = json.loads(json.dumps(policy.to_json()))
    assert Policy.from_json(data) == policy and policy.seccomp and policy.mounts
