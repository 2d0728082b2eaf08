#!/bin/sh
# datasets 5.2.0: Dataset.map does not see a changed global of an imported module.
#
# A function of a module adds a number that is a global of the module. The global is changed, and
# `map` called again: the cached result comes back. With the same function in __main__ the change is
# noticed.
# Expected: the new number, in both. Seen: [1] again for the module, [2] for __main__.
PACKAGES="datasets==5.2.0"
set -eu
. "$(dirname "$0")/environment"
cat > steps.py <<'PYTHON'
STEP = 1


def add(row):
    return {"n": row["n"] + STEP}
PYTHON
cat > run.py <<'PYTHON'
import datasets

import steps

datasets.disable_progress_bars()
STEP = 1


def add(row):
    return {"n": row["n"] + STEP}


datasets.Dataset.from_dict({"n": [0]}).save_to_disk("data")
data = datasets.load_from_disk("data")  # has files, so its results are cached
found = {"module": [data.map(steps.add)[:]["n"]], "__main__": [data.map(add)[:]["n"]]}
steps.STEP = STEP = 2
found["module"].append(data.map(steps.add)[:]["n"])
found["__main__"].append(data.map(add)[:]["n"])
print(found)
assert found == {"module": [[1], [1]], "__main__": [[1], [2]]}, "changed: the module's is noticed"
PYTHON
"$python" run.py
