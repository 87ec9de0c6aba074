"""Which finished logs are kept, and for how long."""

from server.generations.retention import Retention, Shelf


def shelf() -> Shelf:
    return Shelf(Retention(least=10, most=100, size=1000))


def test_every_log_is_kept_for_the_least_time_however_large() -> None:
    kept = shelf()
    kept.add("g1", 0, 5000)
    kept.add("g2", 1, 5000)
    assert kept.clear_out(9.9) == ()
    assert kept.due == 10
    assert kept.clear_out(10) == ("g1",)
    assert kept.clear_out(11) == ("g2",)
    assert len(kept) == 0
    assert kept.due is None


def test_after_that_the_oldest_go_until_the_rest_has_room() -> None:
    kept = shelf()
    for n in range(4):
        kept.add(f"g{n}", n, 400)
    assert kept.clear_out(50) == ("g0", "g1")
    assert kept.due == 102


def test_none_is_kept_for_more_than_the_most_time() -> None:
    kept = shelf()
    kept.add("g1", 0, 1)
    kept.add("g2", 50, 1)
    assert kept.clear_out(99.9) == ()
    assert kept.clear_out(1000) == ("g1", "g2")
