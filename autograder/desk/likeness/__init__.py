"""Like answers together: their normal form, how far they are from each other, groups in order."""

from autograder.desk.likeness.embedding import Embedder, EmbeddingError
from autograder.desk.likeness.groups import Group, arrange
from autograder.desk.likeness.normal_form import normal_form

__all__ = ["Embedder", "EmbeddingError", "Group", "arrange", "normal_form"]
