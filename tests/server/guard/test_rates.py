"""Limits of messages over time, and of connections at a time."""

import pytest

from server.guard import rates
from server.guard.rates import Bucket, Rates, TooManyError, UseCounts, network_of


def test_a_bucket_gives_what_its_rate_allows() -> None:
    bucket = Bucket(10, 20, now=0)
    assert [bucket.take(1, 0) for _ in range(20)] == [0.0] * 20
    assert bucket.take(1, 0) == pytest.approx(0.1)
    assert bucket.take(1, 0.1) == 0.0
    assert bucket.take(1, 0.1) == pytest.approx(0.1)
    assert [bucket.take(1, 100) for _ in range(20)] == [0.0] * 20
    assert bucket.take(1, 100) > 0


def test_burst_is_taken_at_once_and_then_waits() -> None:
    bucket = Bucket(10, 20, now=0)
    assert bucket.take(50, 0) == 0.0
    assert bucket.take(1, 0) == pytest.approx(3.1)


def test_each_has_a_bucket_of_its_own_and_full_ones_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "BUCKETS_KEPT", 2)
    each = Rates(1, burst=1)
    assert each.take("a", 1, 0) == 0.0
    assert each.take("a", 1, 0) > 0
    assert each.take("b", 1, 0) == 0.0
    assert each.take("c", 1, 5) == 0.0
    assert len(each) == 1


def test_counts_are_released() -> None:
    counts = UseCounts(2)
    counts.acquire("a")
    with counts.in_use("a"), pytest.raises(TooManyError):
        counts.acquire("a")
    counts.acquire("b")
    counts.release("a")
    assert len(counts) == 1


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1::5", "2001:db8:0:1::/64"),
        ("2001:db8:0:1:9::5", "2001:db8:0:1::/64"),
        ("", ""),
        ("a name", "a name"),
    ],
)
def test_of_ipv6_a_customer_has_a_network(address: str, network: str) -> None:
    assert network_of(address) == network
