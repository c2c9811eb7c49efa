"""avtale: the Recurring API as software that anyone can run.

from avtale import Client, AsyncClient
"""

# Said like this, it costs no import.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from avtale.client import AsyncClient, Client

__version__ = "0.1.0"
__all__ = ["AsyncClient", "Client", "__version__"]


def __getattr__(name: str) -> object:
    """The clients, loaded when somebody asks for them: a server needs none."""
    if name in {"AsyncClient", "Client"}:
        from avtale import client  # noqa: PLC0415

        return getattr(client, name)
    raise AttributeError(f"module 'avtale' has no attribute {name!r}")
