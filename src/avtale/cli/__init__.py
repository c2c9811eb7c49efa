"""The commands: `avtale up` and its parts start at once, everything else is looked up in `application`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

SERVING = ("up", "api", "worker")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0, 1 (refused), 2 (usage)."""
    from avtale.cli.output import Failure, complain, reader_is_gone

    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if words and words[0] in SERVING:
            return _serve_at_once(words)
        return _look_up(words)
    except Failure as failure:
        complain(str(failure))
        return failure.exit_code
    except ModuleNotFoundError as missing:
        if (missing.name or "avtale").startswith("avtale"):
            raise
        complain(f"This needs the package {missing.name}: pip install 'avtale[server]'")
        return 1
    except BrokenPipeError:
        reader_is_gone()
        return 0
    except KeyboardInterrupt:
        return 130


def _serve_at_once(words: list[str]) -> int:
    """Start as fast as can be."""
    import gc

    # Nothing that is made while starting is garbage; looking for some costs a tenth of the time.
    gc.disable()
    try:
        return _serve(words)
    finally:
        gc.enable()


def _serve(words: list[str]) -> int:
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
