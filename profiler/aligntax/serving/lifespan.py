"""Start and end of an application, and of what a middleware around it has of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, MutableMapping
from typing import Any

from aligntax.serving.messages import Application, Message, Receive, Send

__all__ = ["live"]

logger = logging.getLogger("aligntax")


async def live(
    application: Application,
    scope: MutableMapping[str, Any],
    receive: Receive,
    send: Send,
    start: Callable[[], None],
    end: Callable[[], None],
) -> None:
    """Pass the start and the end of a server on to an application, and do the same for the middleware.

    An application that knows neither says so by raising or returning. The server is not told: the middleware has to
    know when the server ends all the same.

    Args:
        application: inside of the middleware.
        scope: of the lifespan, as ASGI has it.
        receive: as ASGI has it.
        send: as ASGI has it.
        start: called before the application starts. If it raises, the server is told that it cannot start.
        end: called after the application has ended, or has failed to start.
    """
    asked = told = False

    async def receive_on() -> Message:
        nonlocal asked
        message = await receive()
        asked = True
        return message

    async def send_on(message: Message) -> None:
        nonlocal told
        told = True
        if message["type"] != "lifespan.startup.complete":
            end()
        await send(message)

    try:
        start()
    except Exception as error:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    try:
        try:
            await application(scope, receive_on, send_on)
        except Exception as error:
            if told:
                raise
            logger.info("aligntax: the application raised %s at its start; it knows no lifespan", type(error).__name__)
        if not told:
            if not asked:
                await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            end()
            await send({"type": "lifespan.shutdown.complete"})
    finally:
        end()
