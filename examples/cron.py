"""What is queued again and again, as RQ's cron reads it: HEADWAY_CRON=examples/cron.py python run.py

Times are UTC.
"""

from rq import cron

from workers.jobs.text import sum_numbers
from workers.jobs.words import count_words

# kept for a week, as what people submit is; RQ's cron keeps it for 500 s unless it is told
WEEK = 7 * 24 * 3600

cron.register(sum_numbers, "default", kwargs={"text": "12345"}, interval=60, result_ttl=WEEK)
cron.register(
    count_words,
    "default",
    kwargs={"url": "https://example.com/"},
    cron="0 6 * * *",
    name="words of the front page",
    result_ttl=WEEK,
)
