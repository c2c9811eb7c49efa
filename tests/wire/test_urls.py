"""A payer is sent to https places, to the merchant's own app where that was said, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avtale.rulebook import Environment
from avtale.wire.urls import check_web_url

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

HOSTILE = [
    # nothing, or no whole URL
    "",
    "/",
    "//evil.example",
    "///evil.example",
    "example.com",
    "www.example.com/r",
    "/path/only",
    "?query",
    "#fragment",
    "https",
    "https:",
    "https:/",
    "https://",
    "https:///",
    "https:///example.com",
    "https:example.com",
    "https:/example.com",
    "https://?x",
    "https://#x",
    "https://:443/",
    # programs and documents
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "javascript://example.com/%0aalert(1)",
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "\x01javascript:alert(1)",
    " javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:text/html;base64,PHNjcmlwdD4=",
    "vbscript:msgbox(1)",
    "file://localhost/secret",
    "file://example.com/share",
    "blob:https://example.com/6080c099",
    "filesystem:https://example.com/temporary/x",
    "about:blank",
    "view-source:https://example.com",
    "jar:https://example.com/a.jar!/b",
    "intent://scan/#Intent;scheme=zxing;end",
    "content://contacts/people",
    "ftp://example.com/r",
    "ws://example.com/r",
    "mailto:kari@example.com",
    "tel:+4791234567",
    "c:/windows/system32",
    # somebody else in the authority
    "https://user@example.com/",
    "https://user:pass@example.com/",
    "https://example.com@evil.example/",
    "https://example.com:443@evil.example/",
    "https://@evil.example/",
    # what programs read differently
    "https://example.com\\@evil.example/",
    "https:\\\\evil.example",
    "\\\\evil.example\\r",
    "https://example.com/\\evil",
    "https://example.com /",
    "https:// example.com/",
    " https://example.com/",
    "https://example.com/ ",
    "https://example.com/a b",
    "https://example.com/\r\nLocation: https://evil.example",
    "https://example.com/\x00",
    "https://example.com/\x7f",
    "https://example.com/\x85",
    "https://example.com/\u2028",
    "https://example.com/\u202egnp.exe",
    "https://example.com/\u200b",
    "https://example.com/\ufeff",
    "https://exam\u00adple.com/",
    "https://example.com/\n",
    "https://example.com/<script>",
    'https://example.com/"onload="x',
    "https://example.com/%",
    "https://example.com/%zz",
    # hosts that are none, or not what they seem
    "https://.",
    "https://..",
    "https://.example.com/",
    "https://example..com/",
    "https://-example.com/",
    "https://example-.com/",
    "https://exa%6dple.com/",
    "https://example.com%2f.evil.example/",
    "https://evil\u3002example/",
    "https://example.com\uff0fevil.example/",
    "https://\u2100.example/",
    "https://\uff45xample.com/",
    "https://ex*mple.com/",
    "https://ex,mple.com/",
    "https://" + "a" * 64 + ".com/",
    "https://" + "a." * 130 + "com/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://017700000001/",
    "https://127.1/",
    "https://256.1.1.1/",
    "https://1.2.3.4.5/",
    "https://[::1/",
    "https://::1/",
    "https://[::1]evil/",
    "https://[fe80::1%25eth0]/",
    "https://[evil.example]/",
    "https://[]/",
    # ports
    "https://example.com:/",
    "https://example.com:0/",
    "https://example.com:65536/",
    "https://example.com:99999999999999999999/",
    "https://example.com:443:443/",
    "https://example.com:-1/",
    "https://example.com:٤٤٣/",
    "https://example.com:4 43/",
    # not encrypted
    "http://example.com/",
    "http://localhost.evil.example/",
    "http://127.0.0.1.evil.example/",
    "http://0.0.0.0/",
    "http://10.0.0.1/",
    "http://169.254.169.254/latest/meta-data",
    "http://[fe80::1]/",
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
