"""nbgrader's check of its own metadata, without checking the schema again for every cell."""

from __future__ import annotations

import functools

import jsonschema
from nbconvert.exporters.exporter import ResourcesDict
from nbformat.notebooknode import NotebookNode
from nbgrader.nbgraderformat import MetadataValidator, ValidationError
from nbgrader.nbgraderformat.common import BaseMetadataValidator
from nbgrader.preprocessors import CheckCellMetadata as NbgraderCheckCellMetadata


class CheckCellMetadata(NbgraderCheckCellMetadata):
    """Checks as nbgrader does; where something is wrong, nbgrader itself says so."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict
                   ) -> tuple[NotebookNode, ResourcesDict]:
        try:
            _Validator().validate_nb(nb)
        except ValidationError:
            return super().preprocess(nb, resources)
        return nb, resources


class _BySchema(BaseMetadataValidator):
    """Stands below nbgrader's validator, whose other checks are made as ever."""

    def validate_cell(self, cell: NotebookNode) -> None:
        if not _schema().is_valid(cell.metadata.get("nbgrader")):
            super().validate_cell(cell)  # there is none, or it is wrong


class _Validator(MetadataValidator, _BySchema):
    pass


@functools.cache
def _schema() -> jsonschema.protocols.Validator:
    schema = MetadataValidator().schema
    return jsonschema.validators.validator_for(schema)(schema)
