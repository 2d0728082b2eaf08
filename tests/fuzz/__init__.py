"""The fuzzer: files that no honest tool writes, thousands of them, through the whole line.

    PYTHONPATH=tests:data python -m fuzz                        5,200 inputs (about three minutes)
    PYTHONPATH=tests:data python -m fuzz --inputs 100000        longer
    PYTHONPATH=tests:data python -m fuzz --seed 7 --only 4711   one input again, with its traceback

Whatever comes in must end as a row (graded, or with a reason) or as an error sentence, in bounded
time and memory, with nothing written outside of the course's folders. The last line says
`inputs=n unhandled=0`; the exit status is 0 only then.

    odd.py, zips.py      mutation: damage to bytes, text, JSON and zips, from a seed
    strategies.py        properties: documents that Hypothesis makes up from the formats' grammar
    arena.py             three small courses, and the valid files that everything starts from
    inputs.py            the kinds of inputs, each from its number and the seed
    checks.py            what an input passes through; uploads.py: the longest of the ways
    holds.py, fence.py   what must hold there; how long it may take, and where it may write
    run.py               processes of their own, and who of them died at what
    line.py              the oddest through `autograder grade`, with the sandbox
"""
