#!/bin/sh
# nbgrader 0.9.6: a timestamp with the offset +0100 is read as 100 seconds from UTC.
#
# parse_utc, which reads timestamp.txt, takes "2026-03-01 12:00:00 +0100" for 11:58:20 UTC, and
# "+01:00" for no offset at all. ISO 8601 allows both ways to write one hour.
# Expected: 11:00:00 in both. Seen: 11:58:20 and 12:00:00.
PACKAGES="nbgrader==0.9.6"
set -eu
. "$(dirname "$0")/environment"
"$python" - <<'PYTHON'
from nbgrader.utils import parse_utc

found = [str(parse_utc(f"2026-03-01 12:00:00 {offset}")) for offset in ("+0100", "+01:00")]
print(found)
assert found == ["2026-03-01 11:58:20", "2026-03-01 12:00:00"], "changed"
PYTHON
