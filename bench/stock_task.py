"""A task for stock `rq worker`. Alone in its file: RQ imports it anew in the process that it forks for each job."""


def sum_digits(text: str) -> int:
    """What Headway's task `sum_numbers` does."""
    return sum(int(character) for character in text if character in "0123456789")
