"""The steps of a submission before its first probe: its cells, then the imports of its modules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from autograder.judge.answer import Failure
from autograder.kernel.session import Outcome
from autograder.results import words
from autograder.results.reason import Code, Reason

PLACEHOLDER = "EndedAtImport"  # raised by what takes the place of a module that ended its kernel


@dataclass(frozen=True)
class ExecutionStep:
    """One cell of the notebook, or one module's import."""

    source: str
    number: int = 0  # of the cell
    module: str = ""

    def ended(self, why: Reason) -> Reason:
        """That it ended its kernel."""
        if self.module:
            return Reason(Code.IN_MODULE, module=self.module, why=why)
        return Reason(Code.IN_CELL, cell=self.number, why=why)

    def reported(self, outcome: Outcome) -> list[Reason]:
        """What went on in it, where it ended by itself."""
        if self.module:
            return [Reason(Code.NOTE, text=note) for note in outcome.notes]
        if outcome.kind != "error" or outcome.why is None:
            return [Reason(Code.IN_CELL, cell=self.number, notes=note) for note in outcome.notes]
        notes = {"notes": "; ".join(outcome.notes)} if outcome.notes else {}
        return [Reason(Code.IN_CELL, cell=self.number, why=outcome.why, **notes)]


class Steps:
    """All steps of the submission in `folder`, and which of them are left out, and why.

    A module that is left out is replaced by one whose import says why: so do the probes that need
    it. That a step is left out is added to `events`.
    """

    def __init__(self, folder: Path, cells: list[str], modules: list[str], events: list[Reason]
                 ) -> None:
        self._folder, self._modules, self._events = folder, modules, events
        self.all = [
            *(ExecutionStep(source, number) for number, source in enumerate(cells, start=1)),
            *(ExecutionStep(f"__import__({name!r}) and None", module=name) for name in modules)]
        self.first_module = len(cells)
        self.left_out: dict[int, Reason] = {}
        self._originals: dict[int, bytes] = {}
        self._placeholders: dict[str, Reason] = {}  # by the message of the import

    def __len__(self) -> int:
        return len(self.all)

    def leave_out(self, index: int, why: Reason) -> None:
        """Run this step no more: it ended its kernel."""
        step = self.all[index]
        event = self.left_out[index] = step.ended(why)
        self._events.append(event)
        if step.module:
            file = self._file(step.module)
            message = words.english(event).removesuffix(".")
            self._originals[index], self._placeholders[message] = file.read_bytes(), event
            file.write_text(f"class {PLACEHOLDER}(ImportError): ...\n\n"
                            f"raise {PLACEHOLDER}({message!r})\n")

    def take_back(self, index: int) -> None:
        """Run this step again: another one may have ended its kernel."""
        self._events.remove(self.left_out.pop(index))
        if index in self._originals:
            self._file(self.all[index].module).write_bytes(self._originals.pop(index))

    def module_files(self) -> dict[str, bytes]:
        """The files of modules by their names, as they are now in the folder."""
        files = {name: self._file(name) for name in self._modules}
        return {file.name: file.read_bytes() for file in files.values() if file.is_file()}

    def explained(self, failure: Failure) -> Failure:
        """A probe's failure; where it imported a module that is left out, with the reason."""
        if failure.error != PLACEHOLDER:
            return failure
        return replace(failure, reason=self._placeholders.get(failure.message, failure.reason))

    def _file(self, module: str) -> Path:
        return self._folder / f"{module}.py"
