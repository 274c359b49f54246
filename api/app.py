"""Assembly: the dispatcher in front of FastAPI, and what starts and stops with them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from api.dispatch import Dispatcher
from api.endpoints import (
    aliases,
    docs_page,
    editorial,
    embed,
    explain,
    health,
    item_search,
    items,
    ops,
    ops_page,
    reports,
    start_page,
    voids,
)
from api.endpoints.acks import document_acks
from api.endpoints.dispatched_paths import dispatched_paths
from api.endpoints.openapi import bounds
from api.endpoints.openapi_document import completed, operation_id
from api.endpoints.pages import router as style_router
from api.http.asgi import ClientGone
from api.http.problems import Problem, fault, problem_of
from api.http.response_headers import ResponseHeaders
from api.monitoring import metrics
from api.monitoring.config_state import ConfigState
from api.runtime import WorkerRuntime
from ranking import __version__
from ranking.errors import PopulerError
from ranking.settings.service import Settings
from ranking.store.protocol import Store

log = structlog.get_logger("api")


def create_app(
    settings: Settings,
    store: Store,
    *,
    clock: Callable[[], float] = time.time,
    pages: Sequence[BaseRoute] = (),
    spool_dir: Path | None = None,
    lists_dir: Path | None = None,
    config: ConfigState | None = None,
) -> Dispatcher:
    """One worker's application on an open `store`.

    `pages` are further routes, matched after all others; `spool_dir` holds events while the store is away (None: they
    are refused then), `lists_dir` the last lists for a start without it; `config` is the state of the settings file.
    """
    runtime = WorkerRuntime(settings, store, clock, spool_dir, config or ConfigState(loaded_at=clock()), lists_dir)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await runtime.start()
        reporting = asyncio.create_task(metrics.report_loop())
        yield
        await runtime.stop()
        reporting.cancel()
        metrics.export()

    app = FastAPIOffline(
        title="Populer",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=operation_id,
    )
    app.include_router(explain.router(runtime.now))  # before the items: its path is below theirs
    app.include_router(voids.router(runtime.now))
    app.include_router(reports.router(runtime.now))
    app.include_router(aliases.router(runtime.now))
    app.include_router(items.router(runtime.now))
    app.include_router(item_search.router(runtime.now))
    app.include_router(editorial.router(runtime.now))
    app.include_router(health.router(runtime.now))
    app.include_router(ops.router(runtime.now))
    app.include_router(ops_page.router(runtime.now))
    app.include_router(embed.router(runtime.now))
    app.include_router(start_page.embed_router(runtime.now))
    app.include_router(docs_page.router(app))
    app.include_router(style_router())
    app.router.routes.extend(pages)
    app.include_router(start_page.start_router(runtime.now))  # after the demo's own front page
    _answer_problems(app)
    _document_dispatched_paths(app)
    return Dispatcher(runtime, ResponseHeaders(app))


def _answer_problems(app: FastAPI) -> None:
    """Every error leaves as problem+json."""

    @app.exception_handler(Problem)
    async def of_problem(_: Request, error: Problem) -> Response:
        return _response(error)

    @app.exception_handler(PopulerError)
    async def of_core(_: Request, error: PopulerError) -> Response:
        return _response(problem_of(error))

    @app.exception_handler(ClientGone)
    async def of_gone(_: Request, __: ClientGone) -> Response:
        return Response(status_code=400)  # nobody reads it

    @app.exception_handler(HTTPException)
    async def of_http(_: Request, error: HTTPException) -> Response:
        response = _response(Problem(error.status_code, str(error.detail).lower(), str(error.detail)))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(RequestValidationError)
    async def of_validation(_: Request, error: RequestValidationError) -> Response:
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        return _response(Problem(422, "invalid request", faults))

    @app.exception_handler(Exception)
    async def of_fault(request: Request, error: Exception) -> Response:
        log.error("request failed", path=request.url.path, exc_info=error)
        return _response(fault())


def _response(problem: Problem) -> Response:
    headers = {name.decode(): value.decode() for name, value in problem.headers}
    return Response(problem.body, problem.status, headers)


def _document_dispatched_paths(app: FastAPI) -> None:
    generate = app.openapi

    def documented() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = generate()
            schema["paths"] = {**dispatched_paths(), **schema["paths"]}
            document_acks(schema["paths"])
            for operations in schema["paths"].values():
                for operation in operations.values():
                    operation["responses"] |= bounds()
            app.openapi_schema = completed(schema)
        return app.openapi_schema or {}

    app.openapi = documented  # type: ignore[method-assign]
