"""Attributes of an immutable object that are worked out when they are first read.

The value is remembered in the object's `__dict__` under the attribute's own name, where later reads find it without
coming here. `functools.cached_property` does the same but, in Python 3.11, takes a lock at each first read; without it,
two threads that read at once would only do the same work twice.
"""

from collections.abc import Callable
from typing import Generic, Protocol, Self, TypeVar, overload

from acdcore.sip.syntax.uri import MalformedValue

T = TypeVar("T")
Owner = TypeVar("Owner")


class _Readable(Protocol):
    def get(self, name: str) -> str | None: ...


class Headed(Protocol):
    """What has headers."""

    @property
    def headers(self) -> _Readable: ...


class ReadOnce(Generic[Owner, T]):
    """A property, by a decorator."""

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


class Essential(Generic[T]):
    """The typed value of a header that every message has; reading it raises MalformedValue when it is not there."""

    def __init__(self, header: str, parse: Callable[[str], T]) -> None:
        self._header = header
        self._parse = parse

    def __set_name__(self, owner: type[Headed], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type[Headed]) -> Self: ...

    @overload
    def __get__(self, instance: Headed, owner: type[Headed]) -> T: ...

    def __get__(self, instance: Headed | None, owner: type[Headed]) -> Self | T:
        if instance is None:
            return self
        text = instance.headers.get(self._header)
        if not text:
            raise MalformedValue(f"{self._header} missing")
        value = instance.__dict__[self._name] = self._parse(text)
        return value
