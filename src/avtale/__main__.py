"""`python -m avtale` is the command `avtale`."""

from avtale.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
