"""Customers for a CRM: look-up by telephone number, search, create and change."""

import re
from http import HTTPStatus

from aiohttp import web

from acdcore.calls.model.directory import Customer
from acdcore.calls.model.ports import CustomerStore, Directory
from acdcore.control.errors import ApiError
from acdcore.control.route import ApiRequest, Reply, Route, RouteSpec, route
from acdcore.control.schemas import (
    CONTACTS_SHOWN,
    CustomerCreation,
    CustomerLookup,
    CustomerPatch,
    Customers,
    CustomerSearch,
    Nothing,
    OneCustomer,
    PhoneLookup,
)
from acdcore.control.settings import Right
from acdcore.kernel.ids import AgentId, CustomerId

OTHERS_SHOWN = 5
"""Other customers with the same number that a look-up shows."""


class CustomerRoutes:
    """Reads from the directory's memory; writes through the store, which changes the database first."""

    def __init__(self, directory: Directory, store: CustomerStore) -> None:
        self._directory = directory
        self._store = store

    def routes(self) -> tuple[Route, ...]:
        read, operate, path = Right.READ, Right.OPERATE, "/v1/customers"
        search = RouteSpec("GET", path, read, "Customers by a part of their data", Customers)
        create = RouteSpec("POST", path, operate, "Create a customer", Customer, HTTPStatus.CREATED)
        look_up = RouteSpec("GET", f"{path}/lookup", read, "Who has this telephone number, from memory", CustomerLookup)
        customer = RouteSpec("GET", path + "/{customer_id}", read, "One customer; ETag is the version", Customer)
        change = RouteSpec(
            method="PATCH",
            path=path + "/{customer_id}",
            right=operate,
            summary="Change a customer; needs If-Match",
            answer=Customer,
            is_conditional=True,
        )
        return (
            route(search, CustomerSearch, Nothing, self.search),
            route(create, Nothing, CustomerCreation, self.create),
            route(look_up, PhoneLookup, Nothing, self.look_up),
            route(customer, OneCustomer, Nothing, self.customer),
            route(change, OneCustomer, CustomerPatch, self.change),
        )

    async def search(self, request: ApiRequest[CustomerSearch, Nothing]) -> Reply:
        return Reply(Customers(tuple(self._directory.search(request.parameters.search, request.parameters.limit))))

    async def look_up(self, request: ApiRequest[PhoneLookup, Nothing]) -> Reply:
        phone = request.parameters.phone
        customer = self._directory.customer_by_phone(phone)
        others = tuple(self._directory.customers_by_phone(phone)[1 : OTHERS_SHOWN + 1])
        contacts = tuple(self._directory.last_contacts(customer.id if customer else phone, CONTACTS_SHOWN))
        return Reply(CustomerLookup(phone, customer is not None, customer, others, contacts))

    async def customer(self, request: ApiRequest[OneCustomer, Nothing]) -> Reply:
        return with_version(self._known(request.parameters.customer_id))

    async def create(self, request: ApiRequest[Nothing, CustomerCreation]) -> Reply:
        self._check_owner(request.body.owner)
        customer = await self._store.create(request.body.record())
        reply = with_version(customer)
        return Reply(customer, {**reply.headers, "Location": f"/v1/customers/{customer.id}"})

    async def change(self, request: ApiRequest[OneCustomer, CustomerPatch]) -> Reply:
        version = wanted_version(request.http)
        customer = self._known(request.parameters.customer_id)
        self._check_owner(request.body.owner)
        return with_version(await self._store.change(customer.id, request.body.change(), version))

    def _check_owner(self, owner: str | None) -> None:
        """Raises ApiError for an owner who is not an agent: the customer would never reach a preferred agent."""
        if owner and self._directory.agent(AgentId(owner)) is None:
            problem = f"owner: there is no agent {owner}; GET /v1/agents lists them"
            raise ApiError(HTTPStatus.BAD_REQUEST, "invalid_value", problem, "owner")

    def _known(self, customer_id: int) -> Customer:
        customer = self._directory.customer(CustomerId(customer_id))
        if customer is None:
            problem = "no customer has that number; GET /v1/customers?search= finds customers"
            raise ApiError(HTTPStatus.NOT_FOUND, "unknown_customer", problem, "customer_id")
        return customer


def with_version(customer: Customer) -> Reply:
    """A customer with its version as a strong entity tag (RFC 9110 section 8.8.3)."""
    return Reply(customer, {"ETag": f'"{customer.version}"'})


def wanted_version(request: web.Request) -> int:
    """The version in If-Match (RFC 9110 section 13.1.1); a change without one is refused (RFC 6585 section 3)."""
    tag = request.headers.get("If-Match")
    if tag is None:
        problem = "a change needs If-Match with the version that it was made from, which GET gives as ETag"
        raise ApiError(HTTPStatus.PRECONDITION_REQUIRED, "missing_version", problem, "If-Match")
    match = re.fullmatch(r'"([0-9]{1,9})"', tag.strip(), re.ASCII)
    if match is None:
        problem = f'If-Match must be one version in quotes, such as "3", not {tag[:40]}'
        raise ApiError(HTTPStatus.BAD_REQUEST, "invalid_value", problem, "If-Match")
    return int(match[1])
