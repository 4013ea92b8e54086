from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import answer_look_ups, find_numeric_hosts, only_this_machine

from mh_preflight.errors import MediaError
from mh_preflight.media.origins.addresses import may_connect, resolved
from mh_preflight.media.origins.far import Deadline

PUBLIC = ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::"]
OWN = [  # this machine, and private networks
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "::1",
    "fc00::1",
    "fd12:3456:789a::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "::7f00:1",
    "::10.0.0.1",
]
NEVER = [  # link-local, where the keys of clouds are; to many; to nobody
    "169.254.0.1",
    "169.254.169.254",
    "fe80::1",
    "fe80::a9fe:a9fe",
    "224.0.0.1",
    "239.255.255.250",
    "ff02::1",
    "ff0e::1",
    "0.0.0.0",  # noqa: S104  to be refused
    "::",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "::ffff:224.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
    "::a9fe:a9fe",
]
ODD = [  # of no use in an internet: shared by providers, reserved, for examples, withdrawn
    "100.64.0.1",
    "100.127.255.255",
    "100.100.100.200",
    "0.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "64:ff9b:1::1",
    "64:ff9b:1::7f00:1",
    "::ffff:0:7f00:1",
    "fec0::1",
    "100::1",
    "2001:db8::1",
]


def teredo(client: str) -> str:
    """Give the address of a client of Teredo, whose own address is written inverted."""
    inverted = ~int(IPv4Address(client)) & 0xFFFF_FFFF
    return str(IPv6Address(int(IPv6Address("2001::")) | 0x4136_E378 << 64 | inverted))


@pytest.fixture(autouse=True)
def _no_other_machine() -> Iterator[None]:
    with only_this_machine():
        yield


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_connected_to(address: str) -> None:
    assert may_connect(ip_address(address))
    assert may_connect(ip_address(address), allow_private=True)


@pytest.mark.parametrize("address", [*OWN, teredo("127.0.0.1"), teredo("10.0.0.1")])
def test_private_addresses_are_connected_to_only_where_that_is_allowed(address: str) -> None:
    assert not may_connect(ip_address(address))
    assert may_connect(ip_address(address), allow_private=True)


@pytest.mark.parametrize("address", [*NEVER, teredo("169.254.169.254")])
def test_some_addresses_are_never_connected_to(address: str) -> None:
    assert not may_connect(ip_address(address))
    assert not may_connect(ip_address(address), allow_private=True)


@pytest.mark.parametrize("address", ODD)
def test_addresses_of_no_use_are_not_public(address: str) -> None:
    assert not may_connect(ip_address(address))


@pytest.mark.parametrize("prefix", ["64:ff9b:1::", "64:ff9b:1:abcd::"])
def test_a_local_translator_does_not_lead_to_link_local_addresses(prefix: str) -> None:
    carrying = IPv6Address(int(IPv6Address(prefix)) | int(IPv4Address("169.254.169.254")))
    assert not may_connect(carrying, allow_private=True)


@given(inner=st.integers(0, 2**32 - 1).map(IPv4Address))
def test_an_address_inside_another_counts_as_itself(inner: IPv4Address) -> None:
    number = int(inner)
    wrapped = [
        IPv6Address(0xFFFF << 32 | number),
        IPv6Address(int(IPv6Address("64:ff9b::")) | number),
        IPv6Address(0x2002 << 112 | number << 80),
        ip_address(teredo(str(inner))),
    ]
    for private in (False, True):
        expected = may_connect(inner, allow_private=private)
        for outer in wrapped:
            assert may_connect(outer, allow_private=private) == expected


@given(low=st.integers(0, 2**118 - 1), link=st.sampled_from(["fe80::/10", "ff00::/8", "ff00::/10"]))
def test_whole_link_local_and_multicast_networks_are_refused(low: int, link: str) -> None:
    address = IPv6Address(int(IPv6Network(link).network_address) | low)
    assert not may_connect(address, allow_private=True)


def look_up(host: str, *, private: bool = False) -> list[str]:
    return resolved(host, 443, Deadline(30, "x"), allow_private=private)


def code_of(host: str, *, private: bool = False) -> str:
    with pytest.raises(MediaError) as caught:
        look_up(host, private=private)
    assert "\n" not in caught.value.message
    return caught.value.code


def answering(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    answer_look_ups(monkeypatch, lambda _: list(addresses))


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0x7f000001", "0x7f.1", "127.1", "0177.0.0.1", "127.0.0.1", "0", "::1"],
)
def test_other_spellings_of_this_machine_are_refused(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_numeric_hosts(monkeypatch)
    assert code_of(host) == "address-refused"


@pytest.mark.parametrize("host", ["169.254.169.254", "2852039166", "0xa9fea9fe", "fe80::1%1"])
def test_other_spellings_of_link_local_addresses_are_always_refused(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_numeric_hosts(monkeypatch)
    assert code_of(host, private=True) == "address-refused"


def test_the_own_name_of_this_machine_is_refused() -> None:
    assert code_of("localhost") == "address-refused"
    assert set(look_up("localhost", private=True)) <= {"127.0.0.1", "::1"}


def test_of_several_addresses_only_the_public_ones_are_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answering(monkeypatch, "10.0.0.1", "8.8.8.8", "::1", "2606:4700::1111", "8.8.8.8")
    assert look_up("example.com") == ["8.8.8.8", "2606:4700::1111"]


def test_a_name_of_private_addresses_only_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, "10.0.0.1", "::ffff:192.168.0.1")
    assert code_of("example.com") == "address-refused"
    assert look_up("example.com", private=True) == ["10.0.0.1", "::ffff:192.168.0.1"]


def test_a_name_without_any_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch)
    assert code_of("example.com") == "address-refused"


def test_a_name_that_is_not_known_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    find_numeric_hosts(monkeypatch)
    assert code_of("nowhere.example") == "network"
    assert code_of("a" * 70 + ".example") == "network"
    assert code_of("a..b") == "network"
    assert code_of("two\nlines") == "network"


def test_a_look_up_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    held = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: held.wait(60))
    with pytest.raises(MediaError) as caught:
        resolved("example.com", 443, Deadline(0.05, "x"), allow_private=False)
    held.set()
    assert caught.value.code == "timeout"
