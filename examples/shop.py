"""Somebody else's Flask app, on another origin than Headway: a page of its own with a live bar. See docs/embed.md.

HEADWAY_URL says where Headway is, HEADWAY_OPERATOR_TOKEN is its operator's token, and Headway was started with
HEADWAY_ORIGINS=http://localhost:8000.
"""

import os

import requests
from flask import Flask, render_template_string

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Your order</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="{{ headway }}/css/elements.css">
<h1>Your order is being prepared</h1>
<job-progress job="{{ job }}">The bar needs JavaScript.</job-progress>
<script type="module">
  import { connect } from "{{ headway }}/js/client.js";
  import { JobProgress } from "{{ headway }}/js/elements/job-progress.js";
  JobProgress.define("job-progress", connect("{{ headway }}", { token: "{{ token }}" }));
</script></html>
"""
HOUR = 3600  # seconds

app = Flask(__name__)


@app.get("/order")
def order() -> str:
    headway = os.environ["HEADWAY_URL"]
    operator = {"Authorization": f"Bearer {os.environ['HEADWAY_OPERATOR_TOKEN']}"}  # stays on this server
    job = ask(f"{headway}/api/jobs", operator, task="create_task", args={"task_type": 1})["id"]
    token = ask(f"{headway}/api/tokens", operator, topics=[f"job:{job}"], expires=HOUR)["token"]
    return render_template_string(PAGE, headway=headway, job=job, token=token)


def ask(url: str, headers: dict[str, str], **body: object) -> dict[str, str]:
    answer = requests.post(url, json=body, headers=headers, timeout=5)
    answer.raise_for_status()
    return dict(answer.json())


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "8000")))
