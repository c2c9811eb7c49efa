"""The commands: `avtale up` and its parts start at once, everything else is looked up in `application`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

SERVING = ("up", "api", "worker")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0, 1 (refused), 2 (usage)."""
    from avtale.cli.output import Failure, complain

    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if words and words[0] in SERVING:
            return _serve_at_once(words)
        return _look_up(words)
    except Failure as failure:
        complain(str(failure))
        return failure.exit_code
    except BrokenPipeError:
        return _reader_is_gone()
    except KeyboardInterrupt:
        return 130


def _serve_at_once(words: list[str]) -> int:
    """Serve without the library that reads command lines, unless it is needed after all."""
    from avtale.cli.quick import read

    given = read(words[1:])
    if given is None:
        return _look_up(words)
    from avtale.cli.running import run

    return run(words[0], given.settings, as_json=given.as_json, quiet=given.quiet)


def _look_up(words: list[str]) -> int:
    from avtale.cli.application import run

    return run(words)


def _reader_is_gone() -> int:
    """Whoever read our output has had enough (`avtale … | head`); Python must not try to flush it again."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
