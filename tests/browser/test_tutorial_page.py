"""A polling front end from the tutorials, unchanged, served on our origin."""

from collections.abc import Callable

from playwright.sync_api import BrowserContext, Route, expect

from tests.conftest import Stack

# after https://testdriven.io/blog/asynchronous-tasks-with-flask-and-redis-queue/, its jQuery calls written as fetch
PAGE = """<!doctype html><title>tutorial</title>
<button data-type="1">Short</button>
<table><tbody id="tasks"></tbody></table>
<script>
  document.querySelector("button").addEventListener("click", (event) => {
    const body = new URLSearchParams({ type: event.target.dataset.type });
    fetch("/tasks", { method: "POST", body }).then((r) => r.json()).then((res) => getStatus(res.data.task_id));
  });
  function getStatus(taskID) {
    fetch("/tasks/" + taskID).then((r) => r.json()).then((res) => {
      const row = document.createElement("tr");
      for (const text of [res.data.task_id, res.data.task_status, res.data.task_result]) {
        const cell = document.createElement("td");
        cell.textContent = text;
        row.append(cell);
      }
      document.getElementById("tasks").prepend(row);
      const taskStatus = res.data.task_status;
      if (taskStatus === "finished" || taskStatus === "failed") return false;
      setTimeout(() => getStatus(res.data.task_id), 1000);
    });
  }
</script>"""


def test_a_polling_front_end_works_unchanged(new_context: Callable[..., BrowserContext], stack: Stack) -> None:
    page = new_context().new_page()

    def serve(route: Route) -> None:
        route.fulfill(body=PAGE, content_type="text/html")

    page.route("**/tutorial", serve)
    page.goto(f"{stack.url}/tutorial")
    page.get_by_role("button", name="Short").click()
    newest = page.locator("tr").first
    expect(newest.locator("td").nth(1)).to_have_text("started")
    expect(newest.locator("td").nth(1)).to_have_text("finished", timeout=25_000)
    expect(newest.locator("td").nth(2)).to_have_text("true")
