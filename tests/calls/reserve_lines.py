"""The reserve lines of a trunk capacity, counted from outside."""

from acdcore.calls.trunks.capacity import CapacityExhausted, TakenCapacity, TrunkCapacity


def reserve_taken(capacity: TrunkCapacity) -> int:
    """Reserve lines in use: takes those that are free, and gives them back."""
    free: list[TakenCapacity] = []
    try:
        while True:
            free.append(capacity.take_reserve())
    except CapacityExhausted:
        for line in free:
            line.give_back()
    return capacity.settings.reserve - len(free)
