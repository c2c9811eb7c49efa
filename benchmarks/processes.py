"""Child processes: started in a session of their own, watched, and always stopped."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

START_SECONDS = 60.0
STOP_SECONDS = 20.0
MIB = 1024 * 1024


class Failed(Exception):
    """Something that was to be measured did not work; the sentence says what, and why."""


class Child:
    """A program that runs, with all the processes it starts."""

    def __init__(self, command: Sequence[str], folder: Path, **environment: str) -> None:
        self.name = Path(command[0]).name
        self._log = folder / f"{self.name}-{time.monotonic_ns()}.log"
        self.started = time.perf_counter()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=os.environ | environment,
                start_new_session=True,
            )

    def require_alive(self) -> None:
        """Raise Failed with the end of what it said, where it has ended by itself."""
        if self._process.poll() is not None:
            said = self._log.read_text("utf-8", "replace").strip()[-2000:]
            raise Failed(f"{self.name} ended with {self._process.returncode}: {said}")

    def wait_until_it_says(self, words: str) -> None:
        """Return once `words` stand in what it prints; raises Failed where they never do."""
        deadline = self.started + START_SECONDS
        while words not in self._log.read_text("utf-8", "replace"):
            self.require_alive()
            if time.perf_counter() > deadline:
                raise Failed(f"{self.name} never said: {words}")
            time.sleep(0.01)

    def memory_mib(self) -> float | None:
        """Resident memory of all its processes together, now; None where the system does not tell."""
        return self._memory_mib("VmRSS:")

    def peak_mib(self) -> float | None:
        """The most that each of its processes has ever held, together."""
        return self._memory_mib("VmHWM:")

    def processor_seconds(self) -> float:
        """Processor time that its processes have taken so far; 0 where the system does not tell."""
        ticks = sum(
            int(ticks) for folder in _of_session(self._process.pid) for ticks in _times(folder)
        )
        return ticks / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """Ask it to end, and see to it that nothing of it is left."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _memory_mib(self, member: str) -> float | None:
        found = [
            int(line.split()[1])
            for folder in _of_session(self._process.pid)
            for line in _text(folder / "status").splitlines()
            if line.startswith(member)
        ]
        return sum(found) * 1024 / MIB if found else None


def _of_session(session: int) -> Iterator[Path]:
    for folder in Path("/proc").glob("[0-9]*"):
        fields = _fields(folder)
        if fields and int(fields[3]) == session:
            yield folder


def _times(folder: Path) -> list[str]:
    """In user mode and in the system, in ticks."""
    return _fields(folder)[11:13]


def _fields(folder: Path) -> list[str]:
    """What follows the program's name, beginning with its state."""
    return _text(folder / "stat").rpartition(")")[2].split()


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace")
    except OSError:
        return ""


@contextlib.contextmanager
def running(command: Sequence[str], folder: Path, **environment: str) -> Iterator[Child]:
    """The program while the block runs; `folder` is where it works and what it prints is kept."""
    child = Child(command, folder, **environment)
    try:
        yield child
    finally:
        child.stop()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def ask(
    port: int, method: str, path: str, headers: Mapping[str, str], body: str = ""
) -> tuple[int, str]:
    """One request: status and body of the answer; raises OSError where nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body or None, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def first_answer(child: Child, port: int, method: str, path: str, **headers: str) -> float:
    """Seconds from the child's start to its first answer, whatever that says."""
    deadline = child.started + START_SECONDS
    while time.perf_counter() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            ask(port, method, path, headers)
            return time.perf_counter() - child.started
        child.require_alive()
        time.sleep(0.002)
    raise Failed(f"{child.name} did not answer within {START_SECONDS:.0f} seconds")
