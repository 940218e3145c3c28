"""The server of the polling tutorials: one route that fetches the job, on Werkzeug's threaded server.

Kinder than the tutorials in two points: its connections to Redis are kept, and requests are not logged.
"""

import logging
import os
import sys

from flask import Flask, Response, jsonify
from redis import Redis
from rq import Queue
from werkzeug.serving import run_simple


def create_app(url: str) -> Flask:
    app = Flask(__name__)
    queue = Queue("bench", connection=Redis.from_url(url))

    @app.get("/tasks/<id>")
    def status(id: str) -> Response:
        job = queue.fetch_job(id)
        if job is None:
            return jsonify(status="error")
        data = {
            "task_id": job.id,
            "task_status": job.get_status(),
            "task_result": job.return_value(),
            "progress": job.meta.get("progress"),
        }
        return jsonify(status="success", data=data)

    return app


if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    run_simple("127.0.0.1", int(os.environ["PORT"]), create_app(os.environ["REDIS_URL"]), threaded=True)
    sys.exit(0)
