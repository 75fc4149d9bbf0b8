"""What the job costs: stages alone, whole seasons beside the plain script, orchestration, memory and disk.

`make bench`, or a part of it: `python -m tests.bench.cost season-3`. Each measurement is a file of its own, so that
what was broken off goes on; `page` draws what is there.
"""
