"""The red team: submissions that try to earn what they did not write, or to harm somebody.

    PYTHONPATH=tests python -m redteam            every attack once (minutes)
    PYTHONPATH=tests python -m redteam --long     every attack on cold and on warm kernels
    PYTHONPATH=tests python -m redteam --only zip --only "deep tree" --kernel cold
    PYTHONPATH=tests python -m redteam --list

An attack is an entry in attacks/*.toml or a function in uploads.py.
"""
