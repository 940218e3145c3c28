"""`python -m tests.faults.part MODULE …`: a process of Headway that has the tasks of tests/faults/tasks too.

Those of the folder TEST_TASKS, where that is set, in their place.
"""

import os
import runpy
import sys
from pathlib import Path

from workers import jobs

if __name__ == "__main__":
    jobs.__path__.append(os.environ.get("TEST_TASKS") or str(Path(__file__).with_name("tasks")))
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
