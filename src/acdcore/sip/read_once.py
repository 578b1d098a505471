"""An attribute that is worked out when it is first read."""

from collections.abc import Callable
from typing import Generic, Self, TypeVar, overload

T = TypeVar("T")
Owner = TypeVar("Owner")


class ReadOnce(Generic[Owner, T]):
    """A property of an immutable object, remembered in its `__dict__` under its own name, where later reads find it.

    Unlike `functools.cached_property`, which takes a lock at each first read in Python 3.11: two threads that read at
    once would only do the same work twice.
    """

    def __init__(self, work_out: Callable[[Owner], T]) -> None:
        self._work_out = work_out
        self.__doc__ = work_out.__doc__

    def __set_name__(self, owner: type[Owner], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type[Owner]) -> Self: ...

    @overload
    def __get__(self, instance: Owner, owner: type[Owner]) -> T: ...

    def __get__(self, instance: Owner | None, owner: type[Owner]) -> Self | T:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._work_out(instance)
        return value
