"""nbgrader's configuration, derived from course.toml. nbgrader_config.py calls `configure`."""

from __future__ import annotations

from pathlib import Path

import nbgrader
from traitlets.config import Config

from autograder.course import Course

# Where formgrader looks for its pages: ours first, then its own.
TEMPLATES = (Path(__file__).parent / "templates",
             Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates")


def configure(config: Config, course: Course) -> None:
    """Fill nbgrader's configuration for a course."""
    directory = config.CourseDirectory
    directory.course_id = course.toml.course.id
    directory.root = str(course.root)
    directory.source_directory = str(course.build / "source")
    directory.release_directory = "."
    # As relative paths: nbgrader makes regular expressions of them.
    for step in ("submitted", "autograded", "feedback"):
        folder = (course.grading / step).relative_to(course.root)
        setattr(directory, f"{step}_directory", str(folder))
    course.grading.mkdir(exist_ok=True)  # SQLite makes the gradebook's file, and no folder
    directory.db_url = course.db_url
    directory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "*.pt"]
    # What students hand in beside the notebook stays as they wrote it.
    config.Autograde.exclude_overwriting = {
        name: assignment.student_files for name, assignment in course.toml.assignments.items()}
    config.Autograde.sanitize_preprocessors = [
        "nbgrader.preprocessors.ClearOutput",
        "nbgrader.preprocessors.DeduplicateIds",
        "nbgrader.preprocessors.OverwriteKernelspec",
        "autograder.gradebook.fast_nbgrader.OverwriteCells",
        "autograder.gradebook.fast_nbgrader.CheckCellMetadata",
    ]
    # The judge takes the place of execution inside the student's notebook.
    config.Autograde.autograde_preprocessors = [
        "autograder.grading.plugins.Judge",
        "nbgrader.preprocessors.LimitOutput",
        "autograder.grading.plugins.SaveJudgedGrades",
        "autograder.grading.plugins.UpToDate",
        "nbgrader.preprocessors.AssignLatePenalties",
        "autograder.gradebook.fast_nbgrader.CheckCellMetadata",
    ]
    config.AssignLatePenalties.plugin_class = "autograder.grading.plugins.LatePenalty"
    config.ExportApp.plugin_class = "autograder.grading.plugins.UpToDateCsv"
    # Rubrics stand in autograded notebooks, for formgrader, and nowhere else.
    config.GenerateFeedback.preprocessors = [
        "autograder.grading.plugins.WithoutStaffCells",
        "autograder.grading.plugins.OtherGroupsComments",
        "autograder.grading.plugins.UpToDate",
        "autograder.gradebook.fast_nbgrader.GetGrades",
        "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
    ]
    config.GenerateFeedback.exporter_class = "autograder.gradebook.fast_nbgrader.PageExporter"
    # A notebook is validated after the last preprocessor, not after each.
    config.NotebookExporter.optimistic_validation = True
    config.PageExporter.optimistic_validation = True
    # What students wrote is shown, in feedback and in formgrader, and runs nothing there.
    config.HTMLExporter.filters = {"markdown2html": "autograder.gradebook.sanitize.markdown2html"}
    # formgrader's page for an answer needs nothing from elsewhere.
    config.HTMLExporter.extra_template_basedirs = [str(path) for path in TEMPLATES]
    # A deleted grade cell comes back instead of waiting for a person for ever.
    config.OverwriteCells.add_missing_cells = True
