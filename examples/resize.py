"""A task of one's own in ten lines: put such a file into workers/jobs/, and it is on the page."""

import time

from workers.progress import track
from workers.tasks import task


@task(queue="default", timeout=600)
def resize(pictures: list[str], width: int = 800) -> int:
    """Resize pictures"""
    for _picture in track(pictures, f"Resizing to {width} px", unit="pictures"):
        time.sleep(0.5)
    return len(pictures)
