"""The kernels of one submission, one at a time, within the time that it may take."""

from __future__ import annotations

import time
from pathlib import Path

from autograder.kernel.isolation.policy import SandboxError, Surroundings
from autograder.kernel.scratch import Scratch
from autograder.kernel.session import KernelSession
from autograder.settings import LimitSettings

MAX_KERNELS = 40
FAILURES = 3  # of a kernel to start, before the submission's files are suspected
KILLS = 15  # of a kernel that starts: somebody outside may have done that


class StudentKernels:
    """Starts kernels on the files in `folder`; `seconds` are all that the code itself may take."""

    def __init__(self, folder: Path, limits: LimitSettings, seconds: float,
                 surroundings: Surroundings) -> None:
        self._folder, self.limits, self._seconds = folder, limits, seconds
        self._surroundings = surroundings
        self.session: KernelSession | None = None
        self._count = 0
        self._taken = 0.0  # by kernels that have ended
        self._end = time.monotonic() + seconds * limits.patience
        self.killed = False  # whether one was ended by a signal that anybody can send
        self.stalled = False  # whether the machine was too busy
        self.startable = True  # whether a kernel starts on these files

    @property
    def taken(self) -> float:
        """Seconds of its own that the submission has taken."""
        return self._taken + (self.session.taken if self.session is not None else 0.0)

    @property
    def left(self) -> float:
        """Seconds of its own that it may still take."""
        self.stalled |= time.monotonic() > self._end
        return 0.0 if self.stalled else self._seconds - self.taken

    def new(self) -> KernelSession | None:
        """A new kernel; None where none starts, or time or kernels are used up."""
        if self.session is not None:
            self.session.close()
            self._taken += self.session.taken
            self.session = None
        if self.left <= 0 or self._count >= MAX_KERNELS:
            return None
        self._count += 1
        self.session = self._start()
        return self.session

    def close(self) -> None:
        if self.session is not None:
            self.session.close()

    def _start(self) -> KernelSession | None:
        """A new kernel; None where this submission's files keep it from starting.

        Raises SandboxError where none starts without the files either: it is this machine's fault.
        """
        failures = kills = 0
        while failures < FAILURES and kills < KILLS and self.left > 0:
            session = KernelSession(self._folder, self.limits.sandbox(), self._surroundings)
            try:
                return session.__enter__()
            except SandboxError:
                session.close()
            self.killed |= session.killed
            kills += session.killed
            failures += not session.killed
        with Scratch() as empty, KernelSession(empty, self.limits.sandbox(), self._surroundings):
            self._count = MAX_KERNELS
        self.startable = False
        return None
