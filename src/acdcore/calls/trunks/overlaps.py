"""Trunks with overlapping addresses: warnings where calls of one trunk can count as another's."""

from collections.abc import Iterator, Sequence

from acdcore.calls.trunks.trunks import Trunk
from acdcore.kernel.networks import is_part_of


def overlaps(trunks: Sequence[Trunk], with_routes: frozenset[str]) -> Iterator[str]:
    """A warning for each trunk whose calls can count as another's; `with_routes` take calls in."""
    for place, trunk in enumerate(trunks):
        for other in trunks[:place]:
            for network in trunk.addresses:
                if any(is_part_of(network, wider) for wider in other.addresses):
                    yield (
                        f"trunk {trunk.name}: calls from {network} count as trunk {other.name}'s, which stands before"
                        f" it; put [trunks.{trunk.name}] first, or leave them out of {other.name}'s addresses"
                    )
        target = trunk.target_address
        if not trunk.user or target is None or trunk.name not in with_routes or trunk.trusts(target.host):
            continue
        for other in trunks:
            if other is not trunk and other.trusts(target.host):
                yield (
                    f"trunk {trunk.name}: its target {target.host} is among the addresses of trunk {other.name}, whose"
                    f" calls need no credentials; only calls from {target}, from {trunk.user}, or to numbers that"
                    f" {other.name} has not are asked for them. Leave {target.host} out of {other.name}'s addresses"
                )
