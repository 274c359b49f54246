"""Static files: one server for all of them, every coding, names of their content."""

import gzip

import brotli
import pytest
from servers import Service

from api.endpoints.embed import script
from api.endpoints.ops_page import FILES
from api.http.assets import Asset, stylesheet, stylesheet_path

UNPACK = {None: bytes, "gzip": gzip.decompress, "br": brotli.decompress}
PATHS = {
    "/populer.js": script,
    f"/{stylesheet_path()}": stylesheet,
    f"/ops/{FILES.folder_name}/ops.css": lambda: FILES.assets["ops.css"],
    f"/ops/{FILES.folder_name}/main.js": lambda: FILES.assets["main.js"],
    f"/ops/{FILES.folder_name}/mark.svg": lambda: FILES.assets["mark.svg"],
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("accepted", "coding"),
    [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip"), ("identity", None), ("*;q=0", None)],
)
async def test_every_asset_is_served_in_the_coding_that_the_client_prefers(
    service: Service, path: str, accepted: str, coding: str | None
) -> None:
    async with service.http.stream("GET", path, headers={"accept-encoding": accepted}) as answer:
        raw = b"".join([each async for each in answer.aiter_raw()])
    assert answer.status_code == 200
    assert answer.headers.get("content-encoding") == coding
    assert (answer.headers["vary"], answer.headers["x-content-type-options"]) == ("accept-encoding", "nosniff")
    assert UNPACK[coding](raw) == PATHS[path]().content
    known = {"accept-encoding": accepted, "if-none-match": f'"other", W/{answer.headers["etag"]}'}
    again = await service.http.get(path, headers=known)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])


def test_asset_is_named_by_its_content() -> None:
    one, same, other = Asset(b"a", "text/css"), Asset(b"a", "text/plain"), Asset(b"b", "text/css")
    assert one.name == same.name != other.name
    assert one.body("gzip") == same.body("gzip")
    assert one.integrity != other.integrity


def test_ops_files_import_only_files_of_their_folder() -> None:
    """The folder's name stands for all of them, so a module may not reach out of it."""
    for name, asset in FILES.assets.items():
        if name.endswith(".js"):
            for line in asset.content.decode().splitlines():
                if line.startswith("import "):
                    assert line.split('"')[1].removeprefix("./") in FILES.assets, (name, line)
