"""The generated pages of the reference say what the code says."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["generate"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "name", ["settings.md", "rules.md", "lifecycles.md", "problems.md", "events.md", "client.md"]
)
def test_the_page_is_as_the_code_has_it(name: str) -> None:
    page = (ROOT / "docs" / "reference" / name).read_text("utf-8")
    assert page == generator().PAGES[name](), "run `make docs` and commit the page"


def test_every_link_of_the_readme_leads_somewhere() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    for target in (part.partition(")")[0] for part in text.split("](")[1:]):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target
