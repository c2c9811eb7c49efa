"""Load by wrk: a request written as a template, sent over and over again with fresh numbers in it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.filling import PRIME, SPREAD
from benchmarks.processes import Child, Failed

# `n` counts the requests of a stream, from run to run; `any` is some number below `choices`; `id` is how the filling
# names its agreements and charges.
SCRIPT = """
local n, choices = 0, {choices}
local any = 0
local function id(i) return string.format("%08d", i * {prime} % {spread}) end
local threads = {{}}

function setup(thread) table.insert(threads, thread) end
function init(arguments) n = tonumber(arguments[1]); math.randomseed(n + 7) end
function request()
  n = n + 1; sent = n; any = math.random(0, choices - 1)
  return {request}
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\nRESULT {{"answered":%d,"microseconds":%d,"refused":%d,"broken":%d,"p50":%d,"p99":%d,"sent":%d}}\\n',
    summary.requests, summary.duration, e.status, e.connect + e.read + e.write + e.timeout,
    latency:percentile(50), latency:percentile(99), threads[1]:get("sent")))
end
"""


class Request(NamedTuple):
    """A request; `${…}` in path, headers and body is Lua over `n`, `any`, `choices` and `id`."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str = ""
    choices: int = 1

    def script(self) -> str:
        """What the load generator runs."""
        head = [f"{self.method} {self.path} HTTP/1.1", "Host: 127.0.0.1"]
        head += [f"{name}: {value}" for name, value in self.headers.items()]
        request = _as_lua("\r\n".join([*head, "", ""]))
        if self.body:
            # How long it is turns out when the numbers are in.
            body = _as_lua(self.body)
            start = _as_lua("\r\n".join([*head, "Content-Length: "]))
            request = f'{start} .. #({body}) .. "\\r\\n\\r\\n" .. {body}'
        return SCRIPT.format(prime=PRIME, spread=SPREAD, choices=self.choices, request=request)


class Run(NamedTuple):
    """What one run of the load generator measured."""

    per_second: float
    p50_ms: float
    p99_ms: float
    processor_us: float
    """What one request cost the server's processes; 0 where that is not known."""


class Rate(NamedTuple):
    """Several runs: the medians, and the slowest and fastest run."""

    per_second: float
    lowest: float
    highest: float
    p50_ms: float
    p99_ms: float
    processor_us: float

    @classmethod
    def of(cls, runs: list[Run]) -> Rate:
        """The medians of `runs`."""
        rates = [run.per_second for run in runs]
        return cls(
            median(rates),
            min(rates),
            max(rates),
            median(run.p50_ms for run in runs),
            median(run.p99_ms for run in runs),
            median(run.processor_us for run in runs),
        )


class Stream:
    """One kind of request to one server; every run goes on counting where the last one ended."""

    def __init__(self, name: str, port: int, child: Child, request: Request, folder: Path) -> None:
        self.name = name
        self._child = child
        self._url = f"http://127.0.0.1:{port}"
        self._sent = 0
        self._script = folder / f"{name.replace(' ', '-')}-{port}.lua"
        self._script.write_text(request.script())

    def run(self, connections: int, seconds: int) -> Run:
        """Send for `seconds` over `connections`; raises Failed where anything but 2xx comes back."""
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"]
        command += ["-s", str(self._script), self._url, "--", str(self._sent)]
        begin = self._child.processor_seconds()
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=seconds + 30, check=True
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise Failed(f"{self.name}: the load generator failed ({error})") from error
        took = self._child.processor_seconds() - begin
        found = json.loads(done.stdout.rpartition("RESULT ")[2])
        self._sent = found["sent"]
        if found["refused"] or found["broken"] or not found["answered"]:
            raise Failed(f"{self.name} with {connections} connections: {found}")
        return Run(
            found["answered"] / found["microseconds"] * 1e6,
            found["p50"] / 1000,
            found["p99"] / 1000,
            took / found["answered"] * 1e6,
        )


def require_wrk() -> None:
    """Raise Failed where there is no load generator."""
    if shutil.which("wrk") is None:
        raise Failed("the load generator wrk is missing (Debian: apt-get install wrk)")


def _as_lua(template: str) -> str:
    parts = []
    for i, piece in enumerate(template.split("${")):
        expression, _, literal = piece.partition("}") if i else ("", "", piece)
        if expression:
            parts.append(f"({expression})")
        parts.append(json.dumps(literal))
    return " .. ".join(parts)
