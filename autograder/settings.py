"""The tables of course.toml as typed values: every key, and what it may be."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
)

from autograder.kernel.isolation.policy import Limits
from autograder.late import LateRule, a_moment

Language = Literal["en", "ko", "de"]  # of what students get back; all is written in the first
LANGUAGES: tuple[Language, ...] = get_args(Language)


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _names_the_student(name: str) -> str:
    if name.count("{id}") != 1 or set("{}") & set(name.replace("{id}", "")):
        raise ValueError("the name must hold {id} once, and no other braces")
    return name


# The name of what a student hands in, with {id} where the student's id stands.
FileName = Annotated[str, AfterValidator(_names_the_student)]


MEMBERS = "Members of the group"

def _leads_inside(pattern: str) -> str:
    if not pattern or pattern.startswith("/") or ".." in pattern.split("/"):
        raise ValueError("expected the name of a file in the course's folder")
    return pattern


# The name of a file of the course; a * stands for any part of it.
Pattern = Annotated[str, AfterValidator(_leads_inside)]

# What becomes a folder's name, of nbgrader's and ours.
FolderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]


class CourseInfo(Strict):
    """[course]: its name as nbgrader's gradebook and the feedback pages show it."""

    id: str = Field(pattern=r"^[A-Za-z0-9_-]+$", description="The name in nbgrader's gradebook.")
    title: str = Field(description="The name that people read, on feedback pages.")
    student_id: str = Field(r"[A-Za-z0-9_-]+", description="A pattern that a student's id matches.")
    repository: str = Field("", description="OWNER/NAME on GitHub, for the badge of Colab.")
    exercises: str = Field("", description="The folder of the exercises, if not exercises/ or "
                                           "autograder/exercises/ beside course.toml.")
    prepare: str = Field("", description="The command that fills the offline hub, to be named "
                                         "where something is missing in it.")
    roster: str = Field("", description="A CSV file of the people in the course (roster.py).")
    language: Language = Field(
        "en", description="The language of the feedback that students get.")
    db_url: str = Field("", description="Where the gradebook lies, if not in grading/gradebook.db; "
                                        "$NAME stands for an environment variable.")
    timezone: str = Field("UTC", description="Where local times of the learning platform are told, "
                                             "as in Europe/Berlin.")

    @field_validator("timezone")
    @classmethod
    def _is_a_time_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ValueError, KeyError, OSError):  # no such zone, or no name of one
            raise ValueError(f"there is no time zone {name!r}; expected a name like UTC or "
                             "Europe/Berlin") from None
        return name

    @field_validator("student_id")
    @classmethod
    def _is_a_pattern(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return pattern


class LimitSettings(Strict):
    """[limits]: what one submission may use. Sizes in MiB, times in seconds.

    `cell`, `probe` and `submission` are the code's own time: processor time, and time asleep; not
    the time in which it waits for a processor because the machine is busy.
    """

    memory: int = Field(4096, gt=0, description="Of each process and, where root grades, of "
                                                "all together, in MiB.")
    processes: int = Field(128, gt=0, description="How many processes and threads.")
    file_size: int = Field(256, gt=0, description="The largest file, in MiB.")
    scratch: int = Field(512, gt=0, description="All files together, in MiB.")
    output: int = Field(8, gt=0, description="What cells and probes print, in MiB.")
    cpu: int = Field(600, gt=0, description="Processor time of each process, in seconds.")
    cell: int = Field(60, gt=0, description="One cell of the notebook, in seconds.")
    probe: int = Field(20, gt=0, description="One probe of a hidden test, in seconds.")
    submission: int = Field(300, gt=0, description="Everything of a submission, in seconds.")
    patience: int = Field(10, gt=0, description="How many times as long these three may take by "
                                                "the clock, on a busy machine; then the grader "
                                                "gives up, and tries again the next time.")

    def sandbox(self) -> Limits:
        """The part of the limits that the sandbox itself enforces."""
        return Limits(**self.model_dump(exclude={"cell", "probe", "submission"}))


class SandboxSettings(Strict):
    """[sandbox]: what must be enforced here before anything is graded (`autograder doctor`)."""

    demands: list[str] = Field(
        ["no network", "read-only system", "home out of sight", "unprivileged user",
         "system calls", "memory limit"],
        description="Walls, by the names that `autograder doctor` gives them.")


class Waiver(Strict):
    """What a person took back, and why: a homework's deduction, or what being late costs."""

    student: str = Field(description="The id.")
    reason: str = Field(description="Stands beside the grade.")
    of: Literal["deduction", "late"] = Field("deduction", description="What was taken back.")


class Assignment(Strict):
    """[assignments.NAME]: one thing that is handed in, made of one or more exercises."""

    title: str = Field(description="The name that people read.")
    exercises: list[FolderName] = Field(
        min_length=1, description="Folders of exercises, each with a notebook.")
    max_points: float = Field(gt=0, description="What the source cells must add up to.")
    due: AwareDatetime | None = Field(
        None, description="When it is due; TOML's date and time with an offset.")
    late: LateRule | None = Field(None, description="What differs here from [late].")
    waivers: list[Waiver] = Field([], description="Whom being late costs nothing, and why.")
    bonus: list[str] = Field([], description="Parts whose points come on top of max_points.")
    student_files: list[str] = Field([], description="Files handed in beside the notebooks.")
    archive: FileName = Field(description="What is handed in: a zip, or a notebook alone; {id} "
                                          "stands for the student's id.")
    groups: bool = Field(False, description="Groups of the roster hand in; {id} is the group.")
    members: str = Field(MEMBERS, min_length=1, description=(
        "The words above the members' names in a group's notebook."))
    written: FileName | None = Field(None, description="The written part's PDF, if there is one.")
    attempts: Literal["last", "first", "last_in_time"] = Field(
        "last", description="Which of a student's several uploads counts; last_in_time: the last "
                            "that came by `due`, else the first of those that came late.")
    hidden: dict[str, str] = Field({}, description="Packages that cannot be imported, each with "
                                                   "what an import says.")
    not_copied: list[str] = Field([], description="Files of packages ('package/a/b.py') that "
                                                "must not be copied: long runs are flagged.")
    hub: list[str] = Field([], description="Models of the hub that must resolve offline.")
    data_sets: list[str] = Field([], description="Likewise, data sets of the hub.")
    reads: list[str] = Field([], description="Folders beside course.toml that code may read in "
                                             "grading, where they are there.")
    environment: dict[str, str] = Field({}, description="Environment variables in grading.")
    preload: list[str] = Field([], description="Modules that kernels have imported beforehand.")
    lenient: bool = Field(False, description="Take names of older libraries as their successors.")
    settings: dict[str, Any] = Field({}, description="What hidden tests read, as `settings`.")

    _due_is_a_moment = field_validator("due", mode="before")(a_moment)

    @property
    def undated(self) -> Assignment:
        """What is built and judged by: all but the dates, and what being late costs."""
        return self.model_copy(update={"due": None, "late": None, "waivers": [],
                                       "attempts": "last"})


class Homework(Strict):
    """[homeworks.NAME]: assignments that are handed in together and give one total.

    `deduction` is taken off where the instructions for handing in were not followed; the total is
    never more than `max_points`.
    """

    title: str = Field(description="The name that people read.")
    assignments: list[str] = Field(min_length=1, description="Names of [assignments.NAME].")
    max_points: float = Field(gt=0, description="The total is never more.")
    deduction: float = Field(0, ge=0, description="Points off where instructions for handing in "
                                                  "were not followed.")
    late: LateRule | None = Field(None, description="What differs here from [late].")
    waivers: list[Waiver] = Field([], description="Whose deduction was taken back, or whom being "
                                                  "late costs nothing.")

    def waiver(self, student: str) -> str | None:
        """Why a student's deduction was taken back, if it was."""
        return next((one.reason for one in self.waivers
                     if one.student == student and one.of == "deduction"), None)


class SimilaritySettings(Strict):
    """[similarity]: from when on two submissions are shown to a person as a pair.

    What is given, or common in the class, does not count towards any of it.
    """

    threshold: float = Field(0.6, gt=0, le=1, description="The share of the smaller one, or of "
                                                          "one part of it, that both have.")
    minimum: int = Field(60, gt=0, description="So many tokens at least, weighted by rarity.")
    common: float = Field(0.1, gt=0, le=1, description="What a larger share of the class has is "
                                                       "common.")


# What version 0.1.0 gave out, whose course.toml has no [release]; exact, so that nothing else goes.
GIVEN_BEFORE = ["requirements.txt", "data/prepare.py", "data/creatures.py"]


class ReleaseSettings(Strict):
    """[release]: what students receive beside the assignments' folders, and what these may hold.

    Files are named as seen from the folder of course.toml; a * stands for any part of a name.
    """

    instructions: Pattern = Field("setup.md", description="How to start, for students.")
    collect: Pattern = Field("collect_submission.sh", description=(
        "The script that packs what is handed in, given out where that is a zip."))
    written: list[Pattern] = Field(["written/*_written.tex"], description=(
        "Templates, given out where there is a written part."))
    files: list[Pattern] = Field(GIVEN_BEFORE, description=(
        "What else is given out."))
    leftovers: list[Pattern] = Field(["*.log", "*-output.txt", "*.pt", "rehearsal/*"], description=(
        "What running the exercises writes beside them, which is no part of a release."))


def graders_name(name: str) -> str:
    """A grader's name as it is shown and logged. Raises ValueError where it is none."""
    if not 0 < len(name) <= 100 or not name.isprintable() or name != name.strip() or "(" in name:
        raise ValueError(f"{name[:100]!r} is no name of a grader: expected up to 100 characters "
                         "on one line, without brackets")
    return name


GraderName = Annotated[str, AfterValidator(graders_name)]


class DeskSettings(Strict):
    """[desk]: grading written answers in the browser."""

    graders: list[GraderName] = Field([], description=(
        "Who may grade, by name; without it, whoever opens the desk, under any name."))
    embed: Pattern | None = Field(None, description=(
        "A Python file of the course with a function `embed(texts)`, which gives a row of numbers "
        "for each text; like answers have like rows. Without it, likeness is by words alone."))

    @field_validator("graders")
    @classmethod
    def _each_once(cls, graders: list[str]) -> list[str]:
        if twice := sorted({name for name in graders if graders.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} stands there twice")
        return graders


class CrossfeedbackSettings(Strict):
    """[crossfeedback]: the words in the cells for comments, as the exercises' sources have them."""

    begin: str = Field("Comments on", min_length=1, description=(
        "The line above the comments; the subtask's number follows."))
    end: str = Field("End of the comments on", min_length=1, description=(
        "The line below the comments; the subtask's number follows."))
    released: str = Field("written by another group", description=(
        "What follows the number where students get the notebook."))
    reviewing: str = Field("by your group: between this line and the last", description=(
        "What follows the number where a group is to write."))
    keep: str = Field("leave this cell as it is", description=(
        "The hint in a cell that students get."))
    hint: str = Field("write your comments here, in the place of this line", description=(
        "The hint in a cell where a group is to write."))
