"""Hold webhooks to public receivers, however an inner address is spelled."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain.addresses import (
    AddressRules,
    UrlMalformed,
    UrlNotHttps,
    UrlNotPublic,
    UrlPortClosed,
    UrlWithUser,
)
from shared.domain.refusals import Refusal

STRICT = AddressRules()
LOOSE = AddressRules(is_loopback_allowed=True)

INNER = [
    "0.0.0.0",  # noqa: S104 - nothing is bound to it
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.0.255",
    "192.0.2.1",
    "192.88.99.3",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::127.0.0.1",
    "::169.254.169.254",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "::ffff:0:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:2::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:c0a8:101::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]

PUBLIC = [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:4860:4860::8888",
    "2606:4700::1111",
    "2a00:1450:4001:81b::200e",
    "2003::1",
]

UNREADABLE = [
    "",
    "localhost",
    "2130706433",
    "0x7f000001",
    "127.1",
    "0177.0.0.1",
    "1.2.3.4 ",
    "[::1]",
]


@pytest.mark.parametrize("address", INNER)
def test_inner_address_is_not_admitted(address: str) -> None:
    assert not STRICT.admits(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_address_is_admitted(address: str) -> None:
    assert STRICT.admits(address)


@pytest.mark.parametrize("address", UNREADABLE)
@pytest.mark.parametrize("rules", [STRICT, LOOSE])
def test_what_is_no_plain_address_is_not_admitted(address: str, rules: AddressRules) -> None:
    assert not rules.admits(address)


@given(st.ip_addresses())
def test_nothing_that_python_knows_as_inner_is_admitted(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    assert not STRICT.admits(str(address)) or (address.is_global and not address.is_multicast)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1"])
def test_loopback_is_admitted_where_it_is_allowed(address: str) -> None:
    assert LOOSE.admits(address)


@pytest.mark.parametrize(
    "address", [text for text in INNER if text != "::1" and not text.startswith("127.")]
)
def test_allowing_loopback_admits_no_other_inner_address(address: str) -> None:
    assert not LOOSE.admits(address)


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("https://district.example.org/hooks?a=1", "https://district.example.org/hooks?a=1"),
        ("HTTPS://District.Example.ORG", "https://district.example.org/"),
        ("https://a-b.example.org:443/", "https://a-b.example.org:443/"),
        ("https://a.example.org:1024/", "https://a.example.org:1024/"),
        ("https://a.example.org:65535/x", "https://a.example.org:65535/x"),
        ("https://xn--bcher-kva.example.org/", "https://xn--bcher-kva.example.org/"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://[2606:4700::1111]:8443/x", "https://[2606:4700::1111]:8443/x"),
        ("https://[2606:4700:0:0:0:0:0:1111]/", "https://[2606:4700::1111]/"),
    ],
)
def test_public_https_url_is_taken_in_its_plain_form(url: str, plain: str) -> None:
    assert STRICT.judge(url) == plain


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("http://district.example.org/", UrlNotHttps),
        ("ftp://district.example.org/", UrlMalformed),
        ("file:///etc/passwd", UrlMalformed),
        ("//district.example.org/", UrlMalformed),
        ("district.example.org", UrlMalformed),
        ("", UrlMalformed),
        ("https://", UrlMalformed),
        ("https:///path", UrlMalformed),
        ("https://district.example.org/#part", UrlMalformed),
        ("https://district.example.org/a b", UrlMalformed),
        ("https://district.example.org\\@127.0.0.1/", UrlMalformed),
        ("https://district.example.org/\r\nX-Header:1", UrlMalformed),
        ("https://district.example.org:99999/", UrlMalformed),
        ("https://district.example.org:0/", UrlMalformed),
        ("https://district.example.org:port/", UrlMalformed),
        ("https://dïstrict.example.org/", UrlMalformed),
        ("https://127。0。0。1/", UrlMalformed),
        ("https://①②⑦.0.0.1/", UrlMalformed),
        ("https://example.org%2f@x/", UrlWithUser),
        ("https://127.0.0.1%2eexample.org/", UrlMalformed),
        ("https://a_b.example.org/", UrlMalformed),
        ("https://-a.example.org/", UrlMalformed),
        ("https://a..example.org/", UrlMalformed),
        ("https://example.org./", UrlMalformed),
        ("https://2130706433/", UrlMalformed),
        ("https://0x7f000001/", UrlMalformed),
        ("https://0x7f.0.0.0x1/", UrlMalformed),
        ("https://0177.0.0.1/", UrlMalformed),
        ("https://127.1/", UrlMalformed),
        ("https://[127.0.0.1]/", UrlMalformed),
        ("https://[fe80::1%25eth0]/", UrlMalformed),
        ("https://user@district.example.org/", UrlWithUser),
        ("https://user:word@district.example.org/", UrlWithUser),
        ("https://@district.example.org/", UrlWithUser),
        ("https://district.example.org@127.0.0.1/", UrlWithUser),
        ("https://district.example.org:80/", UrlPortClosed),
        ("https://district.example.org:25/", UrlPortClosed),
        ("https://district.example.org:442/", UrlPortClosed),
        ("https://district.example.org:444/", UrlPortClosed),
        ("https://district.example.org:1023/", UrlPortClosed),
        ("https://127.0.0.1/", UrlNotPublic),
        ("https://[::1]/", UrlNotPublic),
        ("https://[::ffff:127.0.0.1]/", UrlNotPublic),
        ("https://[::ffff:7f00:1]/", UrlNotPublic),
        ("https://[64:ff9b::7f00:1]/", UrlNotPublic),
        ("https://10.1.2.3:8443/", UrlNotPublic),
        ("https://169.254.169.254/latest/meta-data/", UrlNotPublic),
        ("https://localhost/", UrlNotPublic),
        ("https://LOCALHOST:8443/", UrlNotPublic),
        ("https://a.localhost/", UrlNotPublic),
        ("https://intranet/", UrlNotPublic),
        ("https://db.internal/", UrlNotPublic),
        ("https://bids.commonlot.svc/", UrlNotPublic),
        ("https://bids.commonlot.svc.cluster.local/", UrlNotPublic),
        ("https://printer.home.arpa/", UrlNotPublic),
    ],
)
def test_hostile_or_unfit_url_is_refused(url: str, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        STRICT.judge(url)


def test_url_of_the_longest_length_is_taken_and_a_longer_one_refused() -> None:
    longest = "https://a.example.org/".ljust(2_000, "x")

    assert STRICT.judge(longest) == longest
    with pytest.raises(UrlMalformed):
        STRICT.judge(longest + "x")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8081/hooks",
        "http://127.0.0.1:80/",
        "http://127.9.9.9:9999/",
        "http://[::1]:8081/",
        "http://localhost:8081/",
        "https://localhost:8443/",
    ],
)
def test_loopback_url_is_taken_only_where_it_is_allowed(url: str) -> None:
    assert LOOSE.judge(url) == url
    with pytest.raises((UrlNotHttps, UrlNotPublic)):
        STRICT.judge(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1:8081/",
        "http://district.example.org/",
        "http://127.0.0.1.example.org/",
        "https://169.254.169.254/",
        "https://192.168.0.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://0.0.0.0/",
        "https://intranet/",
        "https://localhost.localdomain.local/",
    ],
)
def test_allowing_loopback_takes_no_other_inner_or_plain_url(url: str) -> None:
    with pytest.raises((UrlNotHttps, UrlNotPublic)):
        LOOSE.judge(url)


@given(st.text(max_size=60))
def test_any_text_is_judged_without_a_defect(text: str) -> None:
    for url in (text, f"https://{text}", f"https://{text}/x", f"https://[{text}]/"):
        try:
            plain = STRICT.judge(url)
        except Refusal:
            continue
        assert STRICT.judge(plain) == plain
