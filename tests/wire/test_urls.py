"""A payer is sent to https places, to the merchant's own app where that was said, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avtale.rulebook import Environment
from avtale.wire.urls import check_web_url
from tests.hostile_urls import HOSTILE

GOOD = [
    "https://example.com",
    "https://example.com/",
    "HTTPS://EXAMPLE.COM/Path",
    "https://example.com:8443/r?order=1&x=%C3%A6#done",
    "https://example.com/æøå?q=blåbær",
    "https://blåbær.no/",
    "https://xn--blbr-roah.no",
    "https://a.b.c.d.example.co.uk/",
    "https://example.com./",
    "https://192.0.2.17/r",
    "https://[2001:db8::1]:443/r",
    "https://localhost/r",
    "https://my_shop.example.com/r",
    "https://example.com?next=https://example.com/",
    "https://example.com/@handle/a@b",
    "https://example.com/{orderId}|x",
]

LOOPBACK = [
    "http://localhost/r",
    "http://LOCALHOST:3000/r",
    "http://shop.localhost:3000/",
    "http://127.0.0.1:8080/r",
    "http://127.9.9.9/",
    "http://[::1]:3000/",
    "http://[::ffff:127.0.0.1]/",
]

APP_LINKS = [
    "myApp://home",
    "myapp://",
    "my-app.v2+x://welcome?from=vipps",
    "com.example.app:/callback",
    "exp://127.0.0.1:19000/--/done",
]

ENVIRONMENTS: list[Environment] = ["test", "production"]


def reason(url: str, environment: Environment = "test", *, app: bool = False) -> str | None:
    return check_web_url(url, environment=environment, app_link_allowed=app, longest=2048)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("url", GOOD)
def test_takes_a_web_address(url: str, environment: Environment) -> None:
    assert reason(url, environment) is None
    assert reason(url, environment, app=True) is None


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("url", HOSTILE, ids=ascii)
def test_refuses_a_hostile_address_and_says_why(url: str, environment: Environment) -> None:
    for app in (False, True):
        why = reason(url, environment, app=app)
        assert why is not None
        assert why.startswith("must ")


@pytest.mark.parametrize("url", LOOPBACK)
def test_takes_this_very_machine_without_encryption_in_test_only(url: str) -> None:
    assert reason(url, "test") is None
    assert reason(url, "production") == "must begin with https://"
    assert reason(url.replace("http:", "https:"), "production") is None


@pytest.mark.parametrize("url", APP_LINKS)
def test_takes_a_link_to_an_app_only_where_it_was_asked_for(url: str) -> None:
    assert reason(url, "production", app=True) is None
    assert reason(url, "production") == "must begin with https://"


@pytest.mark.parametrize(
    "url", ["myApp:", "myApp://kari@home", "my App://home", "myApp://home\n", "1app://home"]
)
def test_refuses_a_link_to_an_app_that_hides_something(url: str) -> None:
    assert reason(url, app=True) is not None


def test_counts_characters() -> None:
    url = "https://example.com/" + "å" * 1004
    assert check_web_url(url, environment="production", longest=1024) is None
    why = check_web_url(url + "å", environment="production", longest=1024)
    assert why == "must be at most 1024 characters"


@given(st.text(max_size=60), st.sampled_from(["", "https://", "https:", "http://[", "myApp://"]))
def test_has_an_answer_for_any_text(text: str, beginning: str) -> None:
    why = reason(beginning + text, app=True)
    assert why is None or text not in why or len(text) < 12
