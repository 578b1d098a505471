"""Reloading the settings over HTTP."""

from http import HTTPStatus

from tests.control.served import Served


async def test_reload_says_what_changed_and_who_asked(served: Served) -> None:
    response = await served.admin.post("/v1/reload", json={})
    assert response.status == HTTPStatus.OK
    assert await response.json() == {
        "is_applied": True,
        "problems": [],
        "warnings": ["queue service has nobody for yue"],
        "changes": [{"key": "queues.service.ring_for_s", "was": "15", "becomes": "12", "needs_restart": False}],
    }
    assert served.centre.reloads == [("admin-client", False)]


async def test_dry_run_applies_nothing(served: Served) -> None:
    report = await (await served.admin.post("/v1/reload", json={"dry_run": True})).json()
    assert (report["is_applied"], served.centre.reloads) == (False, [("admin-client", True)])


async def test_problems_are_a_conflict_with_the_whole_report(served: Served) -> None:
    served.centre.problems = ("acdcore.toml: queues.service.ring_for_s: must be above 0",)
    response = await served.admin.post("/v1/reload", json={})
    assert response.status == HTTPStatus.CONFLICT
    report = await response.json()
    assert (report["is_applied"], report["problems"]) == (False, list(served.centre.problems))


async def test_reload_needs_the_right_of_an_admin(served: Served) -> None:
    assert (await served.operator.post("/v1/reload", json={})).status == HTTPStatus.FORBIDDEN
    assert served.centre.reloads == []
