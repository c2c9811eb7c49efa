"""`avtale up`: what it prints is true, what it cannot do it says in a sentence, and it stops when told to."""

import html
import json
import os
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from avtale.cli.installation import shown
from tests.cli.terminal import (
    AVTALE,
    Merchant,
    Running,
    avtale,
    free_port,
    plain_environment,
    serving,
    taken_port,
)

needs_bash_and_curl = pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "curl", "sed"))), reason="bash, curl and sed are needed"
)


# ── What it prints ───────────────────────────────────────────────────────────────────────────────


def test_prints_one_json_object_once_it_answers(server: Running) -> None:
    assert server.told.keys() == {"urls", "keys", "curl", "baseUrl", "clock", "data"}
    assert httpx.get(f"{server.url}/livez", trust_env=False).status_code == 200
    assert server.told["baseUrl"] == server.url
    assert server.told["data"] == "memory:"


def test_every_url_it_prints_leads_somewhere(server: Running) -> None:
    for name, url in server.told["urls"].items():
        if name != "api":
            found = httpx.get(url, trust_env=False, follow_redirects=True)
            assert found.status_code == 200, name


def test_the_command_that_the_dashboard_shows_can_be_pasted(tmp_path: Path) -> None:
    with serving("up", "--port", "0", "--data", "memory:", folder=tmp_path) as server:
        page = httpx.get(server.told["urls"]["dashboard"], trust_env=False, follow_redirects=True)
        found = re.search(r'<pre id="draft"[^>]*>(.*?)</pre>', page.text)
        assert found is not None
        words = shlex.split(html.unescape(found[1]))
        code, out, err = avtale(*words[1:], folder=tmp_path)
        assert (code, err) == (0, "")
        assert "agr_" in out


def test_the_keys_it_prints_work(server: Running) -> None:
    merchant = Merchant(server.url, server.told["keys"])
    agreement_id = merchant.draft()
    phone = {"phoneNumber": server.told["keys"]["phoneNumber"]}
    server.ask("POST", f"/sandbox/agreements/{agreement_id}/approve", phone)
    assert merchant.ask("GET", f"/agreements/{agreement_id}")["status"] == "ACTIVE"


def test_the_date_it_prints_is_that_on_the_clock(server: Running, tmp_path: Path) -> None:
    data = str(tmp_path / "moved.db")
    with serving("up", "--port", "0", "--data", data, folder=tmp_path) as first:
        clock = "/sandbox/sales-units/123456/clock"
        first.ask("POST", f"{clock}/freeze", {"at": "2031-05-17T10:00:00Z"})
        first.stop()
    with serving("up", "--port", "0", "--data", data, folder=tmp_path) as second:
        assert second.told["clock"] == {"now": "2031-05-17T10:00:00Z", "mode": "frozen"}


@needs_bash_and_curl
def test_the_curl_works_when_pasted_as_it_stands_on_the_screen(tmp_path: Path) -> None:
    port = free_port()
    with serving("up", "--port", port, "--data", "memory:", folder=tmp_path, tells=False) as up:
        assert avtale("wait", "--url", f"http://127.0.0.1:{port}", folder=tmp_path).code == 0
        # The command is followed by an empty line.
        screen = ""
        assert up.process.stdout is not None
        while not re.search(r"^curl .*?\n\n", screen, re.MULTILINE | re.DOTALL):
            screen += up.process.stdout.readline()
        pasted = screen[screen.index("curl -sS") :]
        for _ in range(2):
            ran = subprocess.run(
                ["bash", "-c", pasted], capture_output=True, text=True, timeout=30, check=True
            )
            drafted = json.loads(ran.stdout)
            assert drafted["agreementId"].startswith("agr_")
            assert drafted["vippsConfirmationUrl"].startswith(f"http://127.0.0.1:{port}/landing")


def test_people_read_the_same_as_programs(tmp_path: Path) -> None:
    port = free_port()
    with serving("up", "--port", port, folder=tmp_path, tells=False) as up:
        assert avtale("wait", "--url", f"http://127.0.0.1:{port}", folder=tmp_path).code == 0
        screen = up.stop().out
    with serving("up", "--port", port, folder=tmp_path) as up:
        told = up.told
    everything = [*told["urls"].values(), *told["keys"].values(), *told["keys"], told["data"]]
    missing = [each for each in everything if each not in screen]
    assert not missing
    assert told["curl"] in screen
    assert f'base_url = "{told["baseUrl"]}"' in screen
    assert told["data"] == str(tmp_path / "avtale.db")
    assert told["clock"]["now"][:10] in screen
    assert "\x1b" not in screen


def test_quiet_prints_nothing(tmp_path: Path) -> None:
    port = free_port()
    quiet = ("up", "--quiet", "--port", port, "--data", "memory:")
    with serving(*quiet, folder=tmp_path, tells=False) as up:
        assert avtale("wait", "--url", f"http://127.0.0.1:{port}", folder=tmp_path).code == 0
        assert up.stop() == (0, "", "")


def test_production_starts_empty_and_prints_no_keys(tmp_path: Path) -> None:
    production = ("up", "--port", "0", "--environment", "production")
    with serving(*production, folder=tmp_path) as up:
        assert up.told["keys"] is None
        assert up.told["curl"] is None
        answer = httpx.get(f"{up.url}/sandbox/sales-units", trust_env=False)
        assert answer.status_code == 404


def test_keys_that_work_no_more_are_not_printed(tmp_path: Path) -> None:
    with serving("up", "--port", "0", folder=tmp_path) as up:
        up.ask("POST", "/sandbox/sales-units", {"name": "Nordic Fitness"})
        up.ask("DELETE", "/sandbox/sales-units/123456")
        up.stop()
    with serving("up", "--port", "0", folder=tmp_path) as up:
        assert up.told["keys"] is None


def test_the_public_url_is_what_is_printed_and_linked(tmp_path: Path) -> None:
    url = "https://pay.example.com"
    with serving("up", "--port", "0", "--public-url", url, folder=tmp_path) as up:
        assert up.told["baseUrl"] == url


def test_a_password_is_not_printed() -> None:
    assert shown("postgresql://nils:s3cret@db/avtale") == "postgresql://nils@db/avtale"
    assert shown("postgresql://nils:s3c@ret@db/avtale") == "postgresql://nils@db/avtale"
    assert shown("postgresql:///avtale?host=/run") == "postgresql:///avtale?host=/run"


# ── Where it reads its settings ──────────────────────────────────────────────────────────────────


def test_an_option_wins_over_a_variable_and_a_variable_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "avtale.toml").write_text('[server]\nport = 1\ndata = "from-file.db"\n')
    with serving("up", "--port", "0", folder=tmp_path, AVTALE_PORT="2") as up:
        assert up.told["data"] == str(tmp_path / "from-file.db")
    with serving("up", "--port", "0", folder=tmp_path, AVTALE_DATA="from-variable.db") as up:
        assert up.told["data"] == str(tmp_path / "from-variable.db")


@pytest.mark.parametrize(
    ("words", "variables", "file", "says"),
    [
        (("--port", "seventy"), {}, "", "--port is refused: expected `int`"),
        (("--port", "70000"), {}, "", "--port is refused: expected `int` <= 65535"),
        (("--environment", "staging"), {}, "", "one of test, production is expected"),
        ((), {"AVTALE_PORT": "seventy"}, "", "AVTALE_PORT is refused"),
        ((), {"AVTALE_TICK_SECONDS": "0"}, "", "AVTALE_TICK_SECONDS is refused"),
        ((), {}, "[server]\nprot = 9000", "no setting prot. Did you mean port?"),
        ((), {}, "[server]\nport = '9000'", "avtale.toml, [server] port is refused"),
        ((), {}, "server = 1", "[server] must be a table"),
        ((), {}, "[server", "avtale.toml cannot be read"),
        (("--prot", "9000"), {}, "", "Did you mean --port?"),
        (("--port",), {}, "", "--port"),
        (("nonsense",), {}, "", "nonsense"),
        (("--host", "0.0.0.0"), {}, "", "Say --expose"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_in_a_sentence(
    words: tuple[str, ...], variables: dict[str, str], file: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / "avtale.toml").write_text(file)
    ran = avtale("up", *words, folder=tmp_path, **variables)
    assert ran.code == 2
    assert says in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


def test_a_refused_secret_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "avtale.toml").write_text("[server]\nsecret = 4815162342\n")
    ran = avtale("up", folder=tmp_path)
    assert ran.code == 2
    assert "4815162342" not in ran.err


def test_exposes_the_public_keys_only_when_told_to(tmp_path: Path) -> None:
    with serving("up", "--host", "0.0.0.0", "--port", "0", "--expose", folder=tmp_path) as up:
        assert up.url.startswith("http://127.0.0.1:")
        assert httpx.get(f"{up.url}/livez", trust_env=False).status_code == 200


# ── What it cannot do ────────────────────────────────────────────────────────────────────────────


def test_a_port_that_is_taken_is_named_with_the_option_to_change_it(tmp_path: Path) -> None:
    with taken_port() as port:
        ran = avtale("up", "--port", port, "--data", "memory:", folder=tmp_path)
    assert ran.code == 1
    assert f"Port {port}" in ran.err
    assert "--port" in ran.err
    assert "Traceback" not in ran.err


def test_two_servers_never_share_a_port(server: Running, tmp_path: Path) -> None:
    port = server.url.rpartition(":")[2]
    ran = avtale("up", "--port", port, "--data", "memory:", folder=tmp_path)
    assert (ran.code, f"Port {port}" in ran.err) == (1, True)


def test_two_servers_never_share_a_file(tmp_path: Path) -> None:
    with serving("up", "--port", "0", folder=tmp_path):
        ran = avtale("up", "--port", "0", folder=tmp_path)
    assert ran.code == 1
    assert "Another avtale is running on" in ran.err


def test_a_server_that_was_killed_leaves_no_lock_behind(tmp_path: Path) -> None:
    with serving("up", "--port", "0", folder=tmp_path) as up:
        up.stop(signal.SIGKILL)
    with serving("up", "--port", "0", folder=tmp_path) as up:
        assert up.stop().code == 0


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("missing/avtale.db", "No such file or directory"),
        ("a-folder", "unable to open database file"),
        ("not-a-database.db", "not a database"),
        ("postgresql://nobody:s3cret@127.0.0.1:1/avtale", "refused"),
        ("postgresql://nobody:s3cret@nowhere.invalid/avtale", "cannot be used"),
    ],
)
def test_data_that_cannot_be_used_is_refused_in_a_sentence(
    data: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / "a-folder").mkdir()
    (tmp_path / "not-a-database.db").write_bytes(b"Dear diary, " * 100)
    ran = avtale("up", "--port", "0", "--data", data, folder=tmp_path)
    assert ran.code == 1
    assert says.lower() in ran.err.lower()
    assert "Traceback" not in ran.err
    assert "s3cret" not in ran.err


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="nobody may write there, on Linux")
def test_a_folder_that_may_not_be_written_is_refused_in_a_sentence(tmp_path: Path) -> None:
    ran = avtale("up", "--port", "0", "--data", "/sys/kernel/avtale.db", folder=tmp_path)
    assert ran.code == 1
    assert ran.err.endswith("/sys/kernel/avtale.db cannot be used: Permission denied.\n")


# ── How it stops ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_stops_within_seconds_and_keeps_what_was_answered(how: int, tmp_path: Path) -> None:
    with serving("up", "--port", "0", folder=tmp_path) as up:
        agreement_id = Merchant(up.url, up.told["keys"]).draft()
        with socket.create_connection(("127.0.0.1", int(up.url.rpartition(":")[2]))):
            began = time.monotonic()
            ran = up.stop(how)
    assert (ran.code, ran.err) == (0, "")
    assert time.monotonic() - began < 3
    with serving("up", "--port", "0", folder=tmp_path) as up:
        merchant = Merchant(up.url, up.told["keys"])
        assert merchant.ask("GET", f"/agreements/{agreement_id}")["status"] == "PENDING"


def test_a_request_that_never_ends_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with serving("up", "--port", "0", "--data", "memory:", folder=tmp_path) as up:
        address = ("127.0.0.1", int(up.url.rpartition(":")[2]))
        hanging = socket.create_connection(address)
        path = "/sandbox/sales-units"
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"
        hanging.sendall(head.encode())
        time.sleep(0.3)
        began = time.monotonic()
        ran = up.stop()
        hanging.close()
    assert ran.code == 0
    assert time.monotonic() - began < 8


def test_a_client_that_goes_away_is_not_worth_a_line(tmp_path: Path) -> None:
    with serving("up", "--port", "0", "--data", "memory:", folder=tmp_path) as up:
        address = ("127.0.0.1", int(up.url.rpartition(":")[2]))
        head = "POST /sandbox/sales-units HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n"
        for body in ["{}"] * 200 + ["{"]:
            with socket.create_connection(address) as leaving:
                leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                leaving.sendall((head + body).encode())
        assert up.ask("GET", "/readyz")["status"] == "ready"
        assert up.stop() == (0, "", "")


def test_goes_on_serving_when_nobody_reads_what_it_prints(tmp_path: Path) -> None:
    port = free_port()
    read, write = os.pipe()
    os.close(read)
    words = [*AVTALE, "up", "--port", port, "--data", "memory:"]
    process = subprocess.Popen(
        words, cwd=tmp_path, env=plain_environment(), stdout=write, stderr=subprocess.PIPE
    )
    os.close(write)
    try:
        assert avtale("wait", "--url", f"http://127.0.0.1:{port}", folder=tmp_path).code == 0
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=10)
        assert (process.returncode, err) == (0, b"")
    finally:
        process.kill()
        process.communicate()
