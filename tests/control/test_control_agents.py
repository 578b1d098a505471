"""Agents' master data over HTTP: create, change, deactivate, passwords."""

import asyncio
from http import HTTPStatus

import pytest
from tests.control.served import MADE_PASSWORD, Served

from acdcore.kernel.ids import AgentId

SECRET = "hunter2-hunter2"
ONE, THREE = AgentId("1001"), AgentId("1003")


async def test_agent_is_created_with_a_password_that_only_this_answer_shows(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    body = {"number": "1003", "name": " 座席 1003 ", "skills": {"service": 5, "粤语": 9}, "languages": ["yue", "cmn"]}
    response = await served.admin.post("/v1/agents", json=body)
    assert (response.status, response.headers["Location"]) == (HTTPStatus.CREATED, "/v1/agents/1003")
    created = await response.json()
    assert created["password"] == MADE_PASSWORD == served.agents.passwords[THREE]
    assert created["profile"] == {
        "agent": "1003",
        "name": "座席 1003",
        "skills": {"service": 5, "粤语": 9},
        "languages": ["yue", "cmn"],
        "is_active": True,
        "declines": [],
        "digest_algorithms": [],
        "allowed_networks": [],
        "caller_id": "",
        "warnings": [],
    }
    assert await (await served.reader.get("/v1/agents/1003/profile")).json() == created["profile"]
    assert MADE_PASSWORD not in capsys.readouterr().out


async def test_given_password_is_never_repeated(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    body = {"number": "1003", "name": "Agent Three", "password": SECRET}
    response = await served.admin.post("/v1/agents", json=body)
    assert (await response.json())["password"] is None
    assert served.agents.passwords[THREE] == SECRET
    profile = await (await served.reader.get("/v1/agents/1003/profile")).text()
    assert "sha256" not in profile
    assert SECRET not in capsys.readouterr().out


async def test_number_in_use_is_a_conflict_and_changes_nothing(served: Served) -> None:
    before = served.centre.agent_records[ONE]
    response = await served.admin.post("/v1/agents", json={"number": "1001", "name": "Impostor", "password": SECRET})
    assert (response.status, (await response.json())["error"]["code"]) == (HTTPStatus.CONFLICT, "taken")
    assert served.centre.agent_records[ONE] is before
    assert served.agents.passwords == {}


async def test_agent_without_password_after_an_outage_is_shown_how_to_get_one(served: Served) -> None:
    served.agents.writes_until_away = 1
    response = await served.admin.post("/v1/agents", json={"number": "1003", "name": "Agent Three"})
    assert response.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert int(response.headers["Retry-After"]) > 0
    message = (await response.json())["error"]["message"]
    assert "PUT /v1/agents/1003/password" in message
    assert MADE_PASSWORD not in message


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"number": ""}, "invalid_value", "number"),
        ({"number": "10 03"}, "invalid_value", "number"),
        ({"number": "*11"}, "invalid_value", "number"),
        ({"number": "a@b"}, "invalid_value", "number"),
        ({"number": "1003\n"}, "invalid_value", "number"),
        ({"number": "١٠٠٣"}, "invalid_value", "number"),
        ({"number": "1" * 33}, "invalid_value", "number"),
        ({"name": ""}, "invalid_value", "name"),
        ({"skills": {"service": 0}}, "invalid_value", "skills.service"),
        ({"skills": {"service": 10}}, "invalid_value", "skills.service"),
        ({"skills": {"service": True}}, "invalid_value", "skills.service"),
        ({"skills": {f"skill {n}": 1 for n in range(201)}}, "invalid_value", "skills"),
        ({"languages": [""]}, "invalid_value", "languages.0"),
        ({"password": "seven77"}, "invalid_value", "password"),
        ({"password": "x" * 65}, "invalid_value", "password"),
        ({"password": "with a blank"}, "invalid_value", "password"),
        ({"password": "密码密码密码密码"}, "invalid_value", "password"),
        ({"is_active": True}, "unknown_field", "is_active"),
        ({"ha1_md5": "0" * 32}, "unknown_field", "ha1_md5"),
    ],
)
async def test_wrong_agent_is_named_by_field(served: Served, wrong: dict[str, object], code: str, field: str) -> None:
    body = {"number": "1003", "name": "Agent Three", **wrong}
    response = await served.admin.post("/v1/agents", json=body)
    error = (await response.json())["error"]
    assert (response.status, error["code"], error["field"]) == (HTTPStatus.BAD_REQUEST, code, field)
    assert THREE not in served.centre.agent_records


@pytest.mark.parametrize("password", ["a secret with blanks", "x" * 70, "short7", 1234567890, ["a-secret-in-a-list"]])
async def test_refused_password_stands_neither_in_the_answer_nor_in_the_log(
    served: Served, capsys: pytest.CaptureFixture[str], password: object
) -> None:
    response = await served.admin.put("/v1/agents/1001/password", json={"password": password})
    assert response.status == HTTPStatus.BAD_REQUEST
    text = (
        password if isinstance(password, str) else "1234567890" if isinstance(password, int) else "a-secret-in-a-list"
    )
    assert text not in await response.text()
    assert text not in capsys.readouterr().out


async def test_change_leaves_out_what_it_does_not_name_and_informs_call_control(served: Served) -> None:
    response = await served.admin.patch("/v1/agents/1001", json={"skills": {"sales": 4}})
    assert response.status == HTTPStatus.OK
    (told,) = served.centre.agents_told
    assert told is served.centre.agent_records[ONE]
    assert (told.name, told.skills, told.languages, told.ha1_md5) == ("Agent One", {"sales": 4}, ("cmn", "yue"), "md5")
    assert (await response.json())["skills"] == {"sales": 4}


async def test_phone_gets_digest_algorithms_of_its_own_and_loses_them_again(served: Served) -> None:
    for algorithms in (["SHA-256"], ["MD5", "SHA-256"], []):
        changed = await served.admin.patch("/v1/agents/1001", json={"digest_algorithms": algorithms})
        assert (await changed.json())["digest_algorithms"] == algorithms
        assert served.centre.agent_records[ONE].digest_algorithms == tuple(algorithms)
    body = {"number": "1003", "name": "Agent Three", "digest_algorithms": ["SHA-256"]}
    created = await (await served.admin.post("/v1/agents", json=body)).json()
    assert created["profile"]["digest_algorithms"] == ["SHA-256"]


@pytest.mark.parametrize("algorithms", [["SHA-1"], ["MD5", "MD5"], "MD5", None])
async def test_unknown_or_repeated_digest_algorithm_is_refused(served: Served, algorithms: object) -> None:
    body = {"number": "1003", "name": "Agent Three", "digest_algorithms": algorithms}
    response = await served.admin.post("/v1/agents", json=body)
    assert response.status == HTTPStatus.BAD_REQUEST
    assert (await response.json())["error"]["field"].startswith("digest_algorithms")


async def test_phone_is_bound_to_networks_and_set_free_again(served: Served) -> None:
    for written, kept in (
        (["192.0.2.0/24", "192.0.2.0/24", " 2001:db8::/32"], ["192.0.2.0/24", "2001:db8::/32"]),
        ([], []),
    ):
        changed = await served.admin.patch("/v1/agents/1001", json={"allowed_networks": written})
        assert (await changed.json())["allowed_networks"] == kept
        assert served.centre.agent_records[ONE].allowed_networks == tuple(kept)


@pytest.mark.parametrize(
    "networks", [["office"], ["192.0.2.1/24"], [7], "192.0.2.0/24", [f"10.0.{n}.0/24" for n in range(99)]]
)
async def test_networks_that_are_none_are_refused(served: Served, networks: object) -> None:
    response = await served.admin.patch("/v1/agents/1001", json={"allowed_networks": networks})
    assert response.status == HTTPStatus.BAD_REQUEST
    assert (await response.json())["error"]["field"].startswith("allowed_networks")


async def test_skills_and_languages_can_be_taken_away(served: Served) -> None:
    changed = await (await served.admin.patch("/v1/agents/1001", json={"skills": {}, "languages": []})).json()
    assert (changed["skills"], changed["languages"]) == ({}, [])


async def test_agent_is_deactivated_and_comes_back(served: Served) -> None:
    for is_active in (False, True):
        response = await served.admin.patch("/v1/agents/1002", json={"is_active": is_active})
        assert (await response.json())["is_active"] is is_active
    assert [record.is_active for record in served.centre.agents_told] == [False, True]


async def test_change_without_database_does_not_reach_call_control(served: Served) -> None:
    served.centre.is_database_away = True
    response = await served.admin.patch("/v1/agents/1001", json={"is_active": False})
    assert response.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert served.centre.agents_told == []


async def test_password_is_given_or_made(served: Served) -> None:
    given = await served.admin.put("/v1/agents/1001/password", json={"password": SECRET})
    assert await given.json() == {"agent": "1001", "password": None}
    assert served.agents.passwords[ONE] == SECRET
    made = await served.admin.put("/v1/agents/1001/password", json={})
    assert await made.json() == {"agent": "1001", "password": MADE_PASSWORD}
    assert served.agents.passwords[ONE] == MADE_PASSWORD


async def test_change_made_at_the_same_time_does_not_bring_the_old_password_back(served: Served) -> None:
    await asyncio.gather(
        served.admin.put("/v1/agents/1001/password", json={"password": SECRET}),
        served.admin.patch("/v1/agents/1001", json={"name": "Agent No. 1"}),
        served.admin.patch("/v1/agents/1001", json={"languages": ["en"]}),
    )
    record = served.centre.agent_records[ONE]
    assert (record.name, record.languages, record.ha1_md5) == ("Agent No. 1", ("en",), f"md5 {SECRET}")


async def test_unknown_agent_is_404_whatever_is_asked(served: Served) -> None:
    answers = [
        await served.reader.get("/v1/agents/9999/profile"),
        await served.admin.patch("/v1/agents/9999", json={"name": "Nobody"}),
        await served.admin.put("/v1/agents/9999/password", json={}),
    ]
    for response in answers:
        assert (response.status, (await response.json())["error"]["code"]) == (HTTPStatus.NOT_FOUND, "unknown_agent")


async def test_operator_may_not_change_agents(served: Served) -> None:
    answers = [
        await served.operator.post("/v1/agents", json={"number": "1003", "name": "Agent Three"}),
        await served.operator.patch("/v1/agents/1001", json={"is_active": False}),
        await served.operator.put("/v1/agents/1001/password", json={}),
    ]
    assert {response.status for response in answers} == {HTTPStatus.FORBIDDEN}
    assert THREE not in served.centre.agent_records
    assert served.agents.passwords == {}


async def test_skill_that_nothing_asks_for_is_reported_in_the_answer(served: Served) -> None:
    response = await served.admin.patch("/v1/agents/1001", json={"skills": {"servise": 9}})
    assert (await response.json())["warnings"] == ["no queue, rule or flow asks for servise"]


@pytest.mark.parametrize("where", ["abc", "1380013800x"])
async def test_outside_seat_that_is_no_telephone_number_is_refused(served: Served, where: str) -> None:
    order = {"command": "log_in", "seat": {"kind": "number", "where": where}}
    response = await served.admin.post("/v1/agents/1002/state", json=order)
    assert response.status == HTTPStatus.BAD_REQUEST
    assert "is no telephone number; write it as in" in await response.text()
