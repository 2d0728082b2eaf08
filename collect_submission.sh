#!/usr/bin/env bash
# Pack what you hand in. Set your student id in the next line, then:  bash collect_submission.sh
ID=2000_00000

# What has to be there, and all that goes into the zip. Checkpoints (*.pt), *-output.txt, data and
# caches stay out. q1's notebooks are asked for where there is a folder q1/.
REQUIRED="q2/q2.ipynb q2/bert.py q2/classifier.py q2/result.log"
REQUIRED_OF_Q1="q1/q1a.ipynb q1/q1b.ipynb"

[ -n "${BASH_VERSION-}" ] || exec bash "$0" # where it was started with sh
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
if [ -d q1 ]; then REQUIRED="$REQUIRED_OF_Q1 $REQUIRED"; fi
problems=0

problem() {
    echo "Problem: $1" >&2
    problems=$((problems + 1))
}

check_id() {
    if [ "${ID-}" = 2000_00000 ]; then
        problem "ID at the top of collect_submission.sh is still 2000_00000. Put your student id \
there."
    elif ! [[ "${ID-}" =~ ^[0-9]{4}_[0-9]{5}$ ]]; then
        problem "ID is '${ID-}'; expected are four digits, an underscore and five digits, with no \
spaces around the =. Correct it at the top of collect_submission.sh."
    fi
}

check_files() {
    local file
    for file in $REQUIRED; do
        if [ -s "$file" ]; then continue; fi
        case $file in
        */result.log)
            problem "$file is missing or empty. Train first (the notebook says how); if you did so \
from another folder, move the result.log from there into $(dirname "$file")/." ;;
        *)
            problem "$file is missing or empty. Put it back there, under this very name." ;;
        esac
    done
}

# pack PROBLEMS ZIP FILES: look into the files; if there are no problems, write the zip and list it.
# Python does the packing, too, since not every machine has the command zip.
pack() {
    "$PYTHON" - "$@" <<'END'
import json
import os
import sys
import zipfile
from pathlib import Path

UNFILLED = ("raise NotImplementedError()", "YOUR CODE HERE", "YOUR ANSWER HERE")


def say(sentence):
    print(sentence, file=sys.stderr)


def texts_to_fill(path):
    """What a student writes in a file: a module's text, or the solution cells of a notebook."""
    if path.suffix == ".py":
        return [path.read_text(encoding="utf-8")]
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [
        "".join(cell["source"])
        for cell in cells
        if cell["metadata"].get("nbgrader", {}).get("solution")
    ]


def is_sound(path):
    """Whether a module or a notebook can be handed in; says what is wrong, or may be."""
    try:
        texts = texts_to_fill(path)
    except (ValueError, KeyError, TypeError, AttributeError):
        kind = "a notebook" if path.suffix == ".ipynb" else "text in UTF-8"
        say(f"Problem: {path} cannot be read as {kind}. Save it again, or take an older copy.")
        return False
    unfilled = sum(any(mark in text for mark in UNFILLED) for text in texts)
    if unfilled and path.suffix == ".py":
        say(f"Warning: {path} holds a part that is not written yet.")
    elif unfilled:
        say(f"Warning: {path} holds {unfilled} cell(s) that are not filled in yet.")
    return True


def check_log(path):
    """Warn of a training that did not reach its end."""
    if "status: complete" not in path.read_text(encoding="utf-8", errors="replace"):
        say(f"Warning: {path} is not that of a complete run. Train again, and let it finish.")


def write(target, paths):
    """Write the zip, and say what is in it."""
    unfinished = f"{target}.part"
    with zipfile.ZipFile(
        unfinished, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False  # some disks know no dates
    ) as archive:
        for path in paths:
            archive.write(path)
    os.replace(unfinished, target)
    print(f"Written: {target} ({os.path.getsize(target) / 1024:.0f} KiB). It holds")
    for path in paths:
        print(f"  {path}")


problems, target, *names = sys.argv[1:]
paths = [path for path in map(Path, names) if path.is_file() and path.stat().st_size]
sound = [is_sound(path) for path in paths if path.suffix in (".py", ".ipynb")]
for path in paths:
    if path.suffix == ".log":
        check_log(path)
if int(problems) or not all(sound):
    sys.exit(1)
write(target, names)
END
}

PYTHON=$(command -v python3 || command -v python) || {
    echo "Problem: there is no Python here. setup.md says how to get one." >&2
    exit 1
}
check_id
check_files
# Without quotes, so that $REQUIRED falls into words: none of its names holds a space.
pack "$problems" "${ID-}_coding.zip" $REQUIRED || {
    echo "No zip was written. Mend this, and run the script again." >&2
    exit 1
}
echo "Next: upload ${ID}_coding.zip to the learning platform."
if [ -d q1 ]; then echo "Upload ${ID}_written.pdf, your written part, beside it."; fi
