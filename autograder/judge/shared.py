"""What all judges of one machine have together, made once a batch.

It is what takes long to start or to write: the process that answers for the reference, the fork
server of warm kernels, the misconceptions' code. Each judge is told where it finds them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from autograder.course import Course
from autograder.judge.trusted_process import Service, TrustedProcess
from autograder.kernel import offline
from autograder.kernel.forkserver_process import Address, ForkServer
from autograder.kernel.isolation.policy import SandboxError, Surroundings
from autograder.release.edits import Misconceptions


def new_seed() -> int:
    """A batch's seed: what hidden tests draw their inputs from. Nobody can know it beforehand."""
    return secrets.randbelow(2**31)


@dataclass(frozen=True)
class Shared:
    """Where a judge finds what it shares.

    `answers` is the folder of what the trusted process, at the address `trusted`, has answered;
    `misconceptions` are those of each exercise; without a `forkserver`, it starts kernels itself.
    In the `environment` our own code finds models offline only, as students' code does.
    """

    environment: dict[str, str]
    answers: Path
    trusted: str
    misconceptions: dict[str, Misconceptions]
    forkserver: Address | None


@contextmanager
def sharing(course: Course, assignment: str, folder: Path) -> Iterator[Shared]:
    """Make it, with files in the folder. Raises CourseError where the exercise is at fault."""
    around, limits = course.surroundings(assignment), course.toml.limits
    (folder / "answers").mkdir()
    with ExitStack() as stack:
        address = None
        if around.preload:
            with suppress(SandboxError):  # each judge will find out, and say it
                server = ForkServer(around, limits.sandbox())
                stack.callback(server.close)
                address = server.address
        environment = offline_environment(around, folder / "hub")
        trusted = TrustedProcess(float(limits.probe), environment, around.preload,
                                 limits.patience)
        stack.callback(trusted.close)
        trusted.begin()
        service = Service(trusted)
        stack.callback(service.close)
        yield Shared(environment, folder / "answers", service.address,
                     {exercise.name: Misconceptions(exercise, folder / exercise.name)
                      for exercise in course.exercises(assignment)}, address)


def offline_environment(around: Surroundings, links: Path) -> dict[str, str]:
    """The environment in which models are found offline only.

    Links to what lies in the offline hub are laid in a folder.
    """
    environment = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "MPLBACKEND": "Agg",
                   **around.environment}
    if not around.hub:
        return environment
    offline.lay_links(Path(around.hub), links)
    return environment | offline.environment(around.hub, str(links))
