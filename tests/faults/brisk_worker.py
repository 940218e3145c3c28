"""Headway's own worker, whose long work takes three seconds: tests need not wait for ten."""

import sys

from workers import main
from workers.jobs import timed

if __name__ == "__main__":
    timed.LENGTH = 3.0
    sys.exit(main.main(["worker", "--queue", "default"]))
