"""`attest hub`: serve, worker, check."""

from __future__ import annotations

import gc
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from attest.cli import hub_check
from attest.cli.keys import LastingKey, open_lasting_key

if TYPE_CHECKING:
    from attest.hub.hub import Hub
    from attest.hub.jobs import QueueName

app = typer.Typer(
    help="A hub that checks every upload: the service, its workers, one check by hand.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

app.command(name="check")(hub_check.check)

PolicyPath = Annotated[Path, typer.Option("--policy", metavar="FILE", help="The policy file.")]
Database = Annotated[
    str,
    typer.Option(
        metavar="URL",
        envvar="ATTEST_HUB_DATABASE",
        help="sqlite:///FILE, or postgresql://USER@HOST/NAME; one with a password belongs into "
        "the environment.",
    ),
]
MAX_REQUESTS_AT_ONCE = 512
"""Beyond that many the service answers 503 at once, instead of ever later."""


@app.command()
def serve(
    policy: PolicyPath,
    key: LastingKey,
    database: Database = "sqlite:///hub.db",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8080,
    jobs: Annotated[
        bool, typer.Option(help="Run the jobs in this process too; else run `attest hub worker`.")
    ] = True,
) -> None:
    """Serve the hub over HTTP. Put TLS in front of it."""
    from attest.hub.extra import importing

    with importing():
        import uvicorn

        from attest.hub.jobs import start_worker
        from attest.hub.logs import log, log_to_stderr
        from attest.hub.opening import keep_renewing
        from attest.hub.pages import router as pages
        from attest.hub.service.app import create_app

    log_to_stderr()
    hub = _open(policy, database, key)
    worker = start_worker(hub) if jobs else None
    service = create_app(hub, pages(hub))
    # What is there now stays: to look through all of it for garbage took a tenth of a second.
    gc.collect()
    gc.freeze()
    keep_renewing(hub)
    log("serving", host=host, port=port)
    # uvicorn raises SIGTERM again once it has stopped: that must not end us before the worker.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        uvicorn.run(
            service,
            host=host,
            port=port,
            access_log=False,
            log_config=None,
            server_header=False,
            limit_concurrency=MAX_REQUESTS_AT_ONCE,
            timeout_keep_alive=30,
        )
    finally:
        if worker is not None:
            worker.stop()
        hub.close()


@app.command()
def worker(
    policy: PolicyPath,
    key: LastingKey,
    database: Database = "sqlite:///hub.db",
    queue: Annotated[
        list[str] | None,
        typer.Option(help="verification or evaluation; both unless named. Repeatable."),
    ] = None,
) -> None:
    """Work on what the service took in. Any number of them may run, on any machine."""
    from attest.errors import InputError
    from attest.hub.extra import importing

    with importing():
        from attest.hub.jobs import QUEUES, start_worker
        from attest.hub.logs import log_to_stderr
        from attest.hub.opening import keep_renewing

    names: tuple[QueueName, ...] = tuple(name for name in QUEUES if name in (queue or QUEUES))
    unknown = sorted(set(queue or ()) - set(QUEUES))
    if unknown:
        raise InputError(
            f"expected the queues {' or '.join(QUEUES)}, found {unknown[0]}", reason="usage"
        )
    log_to_stderr()
    hub = _open(policy, database, key)
    keep_renewing(hub)
    running = start_worker(hub, names)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    stopping.wait()
    running.stop()
    hub.close()


def _open(policy: Path, database: str, key: str) -> Hub:
    from attest.hub.opening import open_hub

    signer = open_lasting_key(key, why="whoever believes this hub knows it by its public key")
    return open_hub(policy, database, signer)
