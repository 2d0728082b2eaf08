"""What all judges of one machine share, made once a batch.

It is what takes long to start or to write: the reference process, the fork server of kernels, the
misconceptions' code. Each judge gets their addresses.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from autograder.course import Course
from autograder.exercise.edits import Misconceptions
from autograder.judge.reference_server import ReferenceProcess, ReferenceServer
from autograder.kernel import offline
from autograder.kernel.forkserver_process import Address, ForkServer
from autograder.kernel.isolation.policy import SandboxError, Surroundings


def new_seed() -> int:
    """A batch's seed: what hidden tests draw their inputs from. Nobody can know it beforehand."""
    return secrets.randbelow(2**31)


@dataclass(frozen=True)
class Shared:
    """Where a judge finds what it shares.

    `answers` is the folder of what the reference process, at the address `reference`, has answered;
    `misconceptions` are those of each exercise; without a `forkserver`, it starts kernels itself.
    In the `environment` our own code finds models offline only, as students' code does.
    """

    environment: dict[str, str]
    answers: Path
    reference: str
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
        process = ReferenceProcess(float(limits.probe), environment, around.preload,
                                   limits.patience)
        stack.callback(process.close)
        process.begin()
        reference = ReferenceServer(process)
        stack.callback(reference.close)
        yield Shared(environment, folder / "answers", reference.address,
                     {exercise.name: Misconceptions(exercise, folder / exercise.name)
                      for exercise in course.exercises(assignment)}, address)


def offline_environment(around: Surroundings, links: Path) -> dict[str, str]:
    """The environment in which models are found offline only, by `links` to the offline hub.
    """
    environment = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "MPLBACKEND": "Agg",
                   **around.environment}
    if not around.hub:
        return environment
    offline.lay_links(Path(around.hub), links)
    return environment | offline.environment(around.hub, str(links))
