"""Every command in one table, read by cyclopts; a command's module is loaded when the command is used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from cyclopts import App, CycloptsError, Group

from avtale import __version__
from avtale.cli.output import complain


class Entry(NamedTuple):
    """One command or group of commands."""

    name: str
    help: str
    found_in: str
    """Where it is: `module:name`."""


TABLE: Final[dict[str, tuple[Entry, ...]]] = {
    "Running": (
        Entry("up", "Start everything on one port.", "avtale.cli.serving:up"),
        Entry("demo", "Walk through the guide, from token to refund.", "avtale.cli.demo:demo"),
        Entry("api", "Answer requests; the work is `worker`'s.", "avtale.cli.serving:api"),
        Entry("worker", "Do what is due, and answer nobody.", "avtale.cli.serving:worker"),
        Entry("wait", "Return when a server is ready.", "avtale.cli.maintenance:wait"),
        Entry("migrate", "Bring a database up to date.", "avtale.cli.maintenance:migrate"),
        Entry("audit", "Check everything a database holds.", "avtale.cli.maintenance:audit"),
        Entry("accounts", "Who may sign in to the dashboard.", "avtale.cli.accounts:app"),
    ),
    "Sandbox": (
        Entry("units", "Sales units: list, add, reset.", "avtale.cli.units:app"),
        Entry("clock", "A sales unit's clock: show, advance, freeze.", "avtale.cli.clock:app"),
        Entry("snapshots", "Moments to go back to.", "avtale.cli.snapshots:app"),
        Entry("payers", "Payers: list, set, and what they do.", "avtale.cli.payers:app"),
        Entry("checklist", "Check the go-live checklist.", "avtale.cli.coach:checklist"),
        Entry("remarks", "What reviewers would find.", "avtale.cli.coach:remarks"),
        Entry("faults", "What shall go wrong: set, show, clear.", "avtale.cli.faults:app"),
    ),
    "Merchant": (
        Entry("token", "Fetch an access token.", "avtale.cli.token:token"),
        Entry("agreements", "Draft, get, list, update, stop.", "avtale.cli.agreements:app"),
        Entry("charges", "Create, get, capture, refund, import.", "avtale.cli.charges:app"),
        Entry("postman", "The guide as a Postman collection.", "avtale.cli.postman:app"),
        Entry("webhooks", "Register, listen, examine, explain.", "avtale.cli.webhooks:app"),
    ),
}

HELP: Final = """\
The Recurring API as software that anyone can run.

For example:

    avtale up                    start; it prints keys, and a command to paste
    avtale demo                  see what it does, in a second or two
    avtale clock advance 15d     let two weeks pass

Every command says more with --help.
"""


def application(used: str = "") -> App:
    """The command line as a whole, for whoever is about to use one command of it."""
    app = App(name="avtale", help=HELP, version=__version__, help_format="plaintext")
    for i, (heading, entries) in enumerate(TABLE.items()):
        group = Group(heading, sort_key=i)
        for j, entry in enumerate(entries):
            # What is said here would take the place of what the command says of itself.
            about = None if entry.name == used else entry.help
            app.command(entry.found_in, name=entry.name, help=about, group=group, sort_key=j)
    rest = Group("About", sort_key=len(TABLE))
    app["--help"].group = rest
    app["--version"].group = rest
    app.register_install_completion_command(
        group=rest, help="Let the shell complete commands and options."
    )
    return app


def run(words: Sequence[str]) -> int:
    """Run one command; returns its exit code. Raises Failure."""
    app = application(words[0] if words else "")
    try:
        code = app(
            list(words), exit_on_error=False, print_error=False, result_action="return_value"
        )
    except CycloptsError as error:
        complain(str(error))
        complain(f"See: avtale {' '.join([*(error.command_chain or ()), '--help'])}")
        return 2
    return int(code or 0)
