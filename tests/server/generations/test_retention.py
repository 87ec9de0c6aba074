"""Retention of finished logs: which, and for how long."""

from server.generations.retention import FinishedLogs, Retention


def finished_logs() -> FinishedLogs:
    return FinishedLogs(Retention(least=10, most=100, size=1000))


def test_every_log_is_kept_for_the_least_time_however_large() -> None:
    kept = finished_logs()
    kept.add("g1", 0, 5000)
    kept.add("g2", 1, 5000)
    assert kept.pop_expired(9.9) == ()
    assert kept.due == 10
    assert kept.pop_expired(10) == ("g1",)
    assert kept.pop_expired(11) == ("g2",)
    assert len(kept) == 0
    assert kept.due is None


def test_after_that_the_oldest_go_until_the_rest_has_room() -> None:
    kept = finished_logs()
    for n in range(4):
        kept.add(f"g{n}", n, 400)
    assert kept.pop_expired(50) == ("g0", "g1")
    assert kept.due == 102


def test_a_removed_log_takes_no_room() -> None:
    kept = finished_logs()
    kept.add("g1", 0, 400)
    kept.add("g2", 1, 400)
    kept.remove("g1")
    kept.remove("nobody")
    assert (len(kept), kept.size, kept.due) == (1, 400, 101)


def test_none_is_kept_for_more_than_the_most_time() -> None:
    kept = finished_logs()
    kept.add("g1", 0, 1)
    kept.add("g2", 50, 1)
    assert kept.pop_expired(99.9) == ()
    assert kept.pop_expired(1000) == ("g1", "g2")
