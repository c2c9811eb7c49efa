"""`avtale snapshots` against a server."""

from pathlib import Path

from tests.cli.terminal import Running, avtale


def test_a_unit_goes_back_to_where_it_was(server: Running, tmp_path: Path) -> None:
    def run(*words: str) -> str:
        code, out, err = avtale(*words, "--url", server.url, folder=tmp_path)
        assert (code, err) == (0, ""), err
        return out

    said = run("snapshots", "take", "before renewal")
    assert "before renewal holds 0 agreements and 0 charges, at " in said
    before = run("clock", "show", "--json")
    run("clock", "advance", "30d")
    assert "is as it was; its clock shows" in run("snapshots", "restore", "before renewal")
    assert run("clock", "show", "--json")[:20] == before[:20]
    assert "before renewal" in run("snapshots", "list")
    run("snapshots", "delete", "before renewal")
    assert "There are no snapshots." in run("snapshots", "list")
    code, _, err = avtale("snapshots", "restore", "never", "--url", server.url, folder=tmp_path)
    assert (code, "has no snapshot 'never'" in err) == (1, True)
