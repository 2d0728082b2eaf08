"""Like answers together: their normal form, how far they are from each other, groups in order."""

from autograder.desk.likeness.embedding import Embedder, EmbeddingError
from autograder.desk.likeness.groups import AnswerGroup, arrange, same_answers
from autograder.desk.likeness.normal_form import normal_form

__all__ = ["AnswerGroup", "Embedder", "EmbeddingError", "arrange", "normal_form", "same_answers"]
