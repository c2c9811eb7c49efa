"""Where a request may go, and where never: all notations, and addresses that hide others (reliability 89, O-1, O-5)."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from avtale.outbound.addresses import Policy, check_receiver_url

PRODUCTION = Policy("production")
TEST = Policy("test")
NEIGHBOURS = Policy("test", private=True)

LOOPBACK = (
    "127.0.0.1",
    "127.0.0.53",
    "127.255.255.254",
    "::1",
    "::ffff:127.0.0.1",  # mapped
    "::127.0.0.1",  # compatible
    "::ffff:0:127.0.0.1",  # translated
    "64:ff9b::7f00:1",  # NAT64
    "2002:7f00:1::",  # 6to4
    "2a00::5efe:127.0.0.1",  # ISATAP
    "2a00::200:5efe:127.0.0.1",  # ISATAP
)
PRIVATE = (
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "fc00::1",
    "fd12:3456::1",
    "::ffff:10.0.0.1",
    "::ffff:0:192.168.1.1",
    "64:ff9b::a00:1",
    "2002:a00:1::1",
)
NEVER = (
    "0.0.0.0",
    "0.1.2.3",
    "100.64.0.1",
    "100.100.100.200",  # metadata
    "168.63.129.16",  # the host below
    "169.254.0.1",
    "169.254.169.254",  # metadata
    "169.254.170.2",  # metadata
    "192.0.0.192",  # metadata
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::ffff:0.0.0.0",
    "::ffff:169.254.169.254",
    "::169.254.169.254",
    "::ffff:0:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "2a00::5efe:169.254.169.254",
    "100::1",
    "2001::1",  # Teredo
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2620:4f:8000::1",
    "3ffe::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "8000::1",
    "fd00:42::42",  # metadata
    "fd00:ec2::254",  # metadata
    "fd20:ce::254",  # metadata
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
)
PUBLIC = (
    "1.1.1.1",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "198.17.255.255",
    "198.20.0.1",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "64:ff9b::101:101",
    "::ffff:1.1.1.1",
    "2002:101:101::1",
)


class TestAddresses:
    """What a policy says of addresses."""

    @pytest.mark.parametrize("address", LOOPBACK)
    def test_of_this_machine_in_test_only(self, address: str) -> None:
        assert PRODUCTION.refusal(ip_address(address)) == "is this machine"
        assert TEST.refusal(ip_address(address)) is None

    @pytest.mark.parametrize("address", PRIVATE)
    def test_of_private_networks_where_the_setting_says_so_in_test(self, address: str) -> None:
        assert PRODUCTION.refusal(ip_address(address)) == "is in a private network"
        assert TEST.refusal(ip_address(address)) == "is in a private network"
        assert NEIGHBOURS.refusal(ip_address(address)) is None
        assert Policy("production", private=True).refusal(ip_address(address)) is not None

    @pytest.mark.parametrize("address", NEVER)
    def test_that_are_nobodys_or_everybodys_never(self, address: str) -> None:
        for policy in (PRODUCTION, TEST, NEIGHBOURS):
            assert policy.refusal(ip_address(address)) == "is no address of a receiver"

    @pytest.mark.parametrize("address", PUBLIC)
    def test_of_the_public_network_always(self, address: str) -> None:
        for policy in (PRODUCTION, TEST):
            assert policy.refusal(ip_address(address)) is None

    def test_of_the_operators_own_subnets(self) -> None:
        policy = Policy("production", (ip_network("10.1.0.0/16"), ip_network("fd12::/48")))
        for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd12::7"):
            assert policy.refusal(ip_address(address)) is None
        for address in ("10.2.0.1", "fd13::7", "127.0.0.1", "169.254.169.254"):
            assert policy.refusal(ip_address(address)) is not None

    def test_a_tunnel_is_not_let_in_by_what_leads_to_it(self) -> None:
        # The subnet of the tunnel alone says nothing about where it comes out.
        policy = Policy("production", (ip_network("2002::/16"),))
        assert policy.refusal(ip_address("2002:7f00:1::")) == "is this machine"


REFUSED_IN_PRODUCTION = (
    "",
    "hooks.example",
    "//hooks.example/hook",
    "http://hooks.example/hook",
    "ftp://hooks.example/hook",
    "file:" + "///secret",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "javascript:alert(1)",
    "unix:/run/docker.sock",
    "https:/hooks.example/hook",
    "https:hooks.example/hook",
    "https://",
    "https:///hook",
    "https://user@hooks.example/hook",
    "https://user:password@hooks.example/hook",
    "https://hooks.example@127.0.0.1/hook",
    "https://hooks.example:443@127.0.0.1/",
    "https://hooks.example/hook#top",
    "https://hooks.example/hook#",
    "https://127.0.0.1#@hooks.example/",
    "https://hooks.example:22/hook",
    "https://hooks.example:6379/hook",
    "https://hooks.example:3000/hook",
    "https://hooks.example:8443/hook",
    "https://hooks.example:0/hook",
    "https://hooks.example:65536/hook",
    "https://hooks.example:/hook",
    "https://hooks.example:4 43/hook",
    "https://hooks.example\\@127.0.0.1/hook",
    "https://hooks.example\\.evil.example/hook",
    "https://hooks.example/hook\r\nX-Evil: 1",
    "https://hooks.example/\thook",
    "https://hooks.example/\x00",
    " https://hooks.example/hook",
    "https://hooks.example/%zz",
    "https://localhost/hook",
    "https://LOCALHOST/hook",
    "https://localhost./hook",
    "https://shop.localhost/hook",
    "https://127.0.0.1/hook",
    "https://127.0.0.1./hook",
    "https://127.0.0.1:8080/hook",
    "https://127.1/hook",
    "https://127.0.1/hook",
    "https://0/hook",
    "https://0.0.0.0/hook",
    "https://2130706433/hook",
    "https://2130706433./hook",
    "https://0x7f000001/hook",
    "https://0x7F.0x0.0x0.0x1/hook",
    "https://0x7f.1/hook",
    "https://017700000001/hook",
    "https://0177.0.0.1/hook",
    "https://0177.0x0.0.1/hook",
    "https://127.0.0.01/hook",
    "https://127.0.0.1.1/hook",
    "https://256.1.1.1/hook",
    "https://425.510.425.510/hook",
    "https://%31%32%37.0.0.1/hook",
    "https://127%2e0%2e0%2e1/hook",
    "https://①②⑦.⓪.⓪.①/hook",
    "https://127。0。0。1/hook",
    "https://ⓛocalhost/hook",
    "https://loca\u217chost/hook",
    "https://lo\u00adcalhost/hook",
    "https://bøker.example/hook",
    "https://faß.example/hook",
    "https://hooks.example/bøker",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/latest/meta-data/",
    "https://0xa9fea9fe/latest/meta-data/",
    "https://0251.0376.0251.0376/latest/meta-data/",
    "https://169.254.43518/latest/meta-data/",
    "https://100.100.100.200/latest/meta-data/",
    "https://10.0.0.1/hook",
    "https://192.168.0.1/hook",
    "https://[::1]/hook",
    "https://[::]/hook",
    "https://[0:0:0:0:0:0:0:1]/hook",
    "https://[::ffff:127.0.0.1]/hook",
    "https://[::ffff:7f00:1]/hook",
    "https://[::FFFF:7F00:1]/hook",
    "https://[::127.0.0.1]/hook",
    "https://[64:ff9b::127.0.0.1]/hook",
    "https://[2002:7f00:1::]/hook",
    "https://[fe80::1]/hook",
    "https://[fe80::1%25eth0]/hook",
    "https://[fe80::1%eth0]/hook",
    "https://[fd00:ec2::254]/latest/meta-data/",
    "https://[::1/hook",
    "https://::1/hook",
    "https://[v1.fe80]/hook",
    "https://[127.0.0.1]/hook",
    "https://[::1]evil.example/hook",
    "https://-hooks.example/hook",
    "https://hooks..example/hook",
    "https://.hooks.example/hook",
    "https://" + "a" * 64 + ".example/hook",
    "https://hooks.example/" + "a" * 2048,
)
"""None of these is ever a receiver's."""


class TestUrls:
    """What is said of a URL when it is registered, and again when something is sent."""

    @pytest.mark.parametrize("url", REFUSED_IN_PRODUCTION, ids=ascii)
    def test_hostile_ones_are_refused(self, url: str) -> None:
        assert check_receiver_url(url, PRODUCTION)

    @pytest.mark.parametrize(
        "url",
        [
            "https://hooks.example/hook",
            "HTTPS://Hooks.Example/hook",
            "https://hooks.example",
            "https://hooks.example.",
            "https://hooks.example:443/hook?shop=1&next=https%3A%2F%2Fa.example",
            "https://hooks.example:80/hook",
            "https://hooks.example:8080/hook",
            "https://xn--bker-gra.example/b%C3%B8ker",
            "https://1.1.1.1/hook",
            "https://[2606:4700::1111]/hook",
            "https://hooks.example/" + "a" * 2026,
        ],
    )
    def test_good_ones_are_not(self, url: str) -> None:
        assert check_receiver_url(url, PRODUCTION) is None
        assert check_receiver_url(url, TEST) is None

    @pytest.mark.parametrize(
        "url",
        [
            "http://localhost:3000/hook",
            "https://localhost:3000/hook",
            "http://shop.localhost:3000/hook",
            "http://127.0.0.1:65535/hook",
            "http://127.9.9.9/hook",
            "http://[::1]:3000/hook",
            "http://[::ffff:127.0.0.1]:3000/hook",
        ],
    )
    def test_of_this_machine_are_for_test_only(self, url: str) -> None:
        assert check_receiver_url(url, TEST) is None
        assert check_receiver_url(url, PRODUCTION)

    @pytest.mark.parametrize(
        "url", ["http://shop:3000/hook", "http://10.0.0.7:3000/hook", "https://shop:3000/hook"]
    )
    def test_of_neighbours_are_for_those_who_let_them_in(self, url: str) -> None:
        assert check_receiver_url(url, NEIGHBOURS) is None
        assert check_receiver_url(url, TEST)
        assert check_receiver_url(url, Policy("production", private=True))

    @pytest.mark.parametrize(
        "url", ["http://user@shop:3000/", "http://169.254.169.254/", "ftp://shop/", "http://0/"]
    )
    def test_of_neighbours_are_no_less_checked(self, url: str) -> None:
        assert check_receiver_url(url, NEIGHBOURS)

    def test_the_reason_is_the_second_half_of_a_sentence(self) -> None:
        reasons = {
            "https://10.0.0.1/hook": "must not name an address that is in a private network",
            "https://localhost/hook": "must not be this machine",
            "https://hooks.example:22/": "must have one of the ports 80, 443, 8080",
            "https://bøker.example/": "must be written in ASCII: names as xn--…, everything else as %…",
        }
        assert {url: check_receiver_url(url, PRODUCTION) for url in reasons} == reasons
