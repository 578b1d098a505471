"""Token buckets: what a source may ask for in a time."""

from acdcore.kernel.buckets import Bucket, Buckets, Rate, source_of


def test_bucket_gives_its_burst_and_then_what_grows_back() -> None:
    bucket = Bucket(Rate(per_s=2.0, burst=3.0), 0.0)
    assert [bucket.take(0.0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(0.4)
    assert bucket.take(0.6)
    assert bucket.wait_s(0.6) > 0


def test_bucket_never_holds_more_than_its_burst() -> None:
    bucket = Bucket(Rate(per_s=100.0, burst=2.0), 0.0)
    assert [bucket.take(1_000.0) for _ in range(3)] == [True, True, False]


def test_one_source_takes_nothing_from_another() -> None:
    buckets = Buckets(Rate(1.0, 1.0))
    assert buckets.take("192.0.2.1", 0.0)
    assert not buckets.take("192.0.2.1", 0.0)
    assert buckets.take("192.0.2.2", 0.0)


def test_buckets_are_bounded_and_forget_who_is_silent_longest() -> None:
    buckets = Buckets(Rate(1.0, 1.0), sources_max=2)
    for host in ("a", "b", "a", "c"):
        buckets.take(host, 0.0)
    assert len(buckets) == 2
    assert not buckets.take("a", 0.0)
    assert buckets.take("b", 0.0)


def test_ipv6_counts_by_the_network_that_one_customer_has() -> None:
    assert source_of("2001:db8:1:2::5") == source_of("2001:0db8:1:2:ffff::1") == "2001:db8:1:2"
    assert source_of("2001:db8::1") == "2001:db8:0:0"
    assert source_of("::1") == "0:0:0:0"
    assert source_of("192.0.2.7") == "192.0.2.7"
