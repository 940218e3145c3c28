"""`make races N=10000`: plays random interleavings, others each time, and says how many."""

import argparse
import logging
import tempfile
import time
from pathlib import Path

from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import ROOT, start_redis
from tests.races.model import machine, options
from workers import store
from workers.settings import Settings


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.races", description=__doc__)
    parser.add_argument("count", type=int, help="how many interleavings")
    count = parser.parse_args().count
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="headway-races-") as folder:
        server, url = start_redis(Path(folder))
        try:
            settings = Settings.from_environment({"REDIS_URL": url, "HEADWAY_HOME": folder}, ROOT)
            began = time.monotonic()
            model = machine(store.connect(url), settings)
            run_state_machine_as_test(model, settings=options(count, derandomize=False))
            took = time.monotonic() - began
            print(f"{count} interleavings, {model.steps} steps in {took:.0f} s: nothing false told, nothing stuck")
        finally:
            server.terminate()
            server.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
