"""Small sums over a text."""

import time

from workers.tasks import task

DELAY = 2.0  # seconds


@task()
def text_length(text: str) -> int:
    """Count the characters of a text, slowly"""
    time.sleep(DELAY)
    return len(text)


@task(small=True)
def sum_numbers(text: str) -> int:
    """Sum the digits of a text"""
    return sum(int(character) for character in text if character in "0123456789")
