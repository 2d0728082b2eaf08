#!/bin/sh
# ipykernel 7.4.0: a cell that raises an ExceptionGroup leaves no `error` output.
#
# The reply has the status "error", and the traceback is text on stderr. Whoever looks for a cell's
# failure in its outputs, as in a saved notebook, finds none. Other exceptions leave one.
# Expected: an output of the type `error`. Seen: ['stream'], reply status error.
PACKAGES="ipykernel==7.4.0 nbclient==0.11.0 nbformat==5.11.1"
set -eu
. "$(dirname "$0")/environment"
export JUPYTER_DATA_DIR="$folder/jupyter" JUPYTER_RUNTIME_DIR="$folder/runtime"
"$python" - <<'PYTHON'
import sys

from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

found = {}
for name, source in {"ValueError": 'raise ValueError("one")',
                     "ExceptionGroup": 'raise ExceptionGroup("all", [ValueError("one")])'}.items():
    replies = []
    notebook = new_notebook(cells=[new_code_cell(source)])
    manager = KernelManager()
    manager.kernel_spec.argv[0] = sys.executable
    NotebookClient(notebook, km=manager, allow_errors=True, timeout=60,
                   on_cell_executed=lambda cell, cell_index, execute_reply: replies.append(
                       execute_reply["content"]["status"])).execute()
    found[name] = (replies, [output.output_type for output in notebook.cells[0].outputs])
print(found)
assert found["ValueError"] == (["error"], ["error"])
assert found["ExceptionGroup"] == (["error"], ["stream"]), "changed: it leaves an error output"
PYTHON
