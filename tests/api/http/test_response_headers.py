"""Headers that every answer has: no browser guesses its type, and no redirect names a host."""

import pytest
from servers import Service

EVERY_SORT = [
    ("GET", "/v1/lists/populer"), ("GET", "/v1/lists?names=populer"), ("GET", "/v1/lists/none"),
    ("GET", "/v1/pixel.gif?item=a"), ("POST", "/v1/events"), ("PUT", "/v1/events"), ("GET", "/livez"),
    ("GET", "/readyz"), ("GET", "/metrics"), ("GET", "/openapi.json"), ("GET", "/v1/items/none"), ("GET", "/docs"),
    ("GET", "/ops"), ("GET", "/populer.js"), ("GET", "/lists/populer"), ("GET", "/nowhere"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), EVERY_SORT)
async def test_every_answer_is_of_the_type_that_it_names(service: Service, method: str, path: str) -> None:
    await service.view(a=1)
    await service.refresh()
    answer = await service.http.request(method, path)
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"], answer.headers


@pytest.mark.parametrize("path", ["/docs/", "/ops/", "/livez/"])
async def test_a_redirect_names_no_host(service: Service, path: str) -> None:
    answer = await service.http.get(path, headers={"host": "evil.example"})
    assert (answer.status_code, answer.headers["location"]) == (307, path.rstrip("/"))


async def test_a_redirect_leads_to_no_other_host(service: Service) -> None:
    answer = await service.http.get("//evil.example/..//livez/")
    assert not answer.headers.get("location", "/").startswith(("//", "http"))


async def test_docs_run_their_own_scripts_alone_and_are_framed_by_nobody(service: Service) -> None:
    answer = await service.http.get("/docs")
    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self' 'sha256-" in policy
    assert "cdn." not in answer.text
