"""A plain ASGI application; the path says what it does."""
import asyncio
import os
import sys

running = {"now": 0, "most": 0}
events = []


async def body_of(receive):
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return parts
        parts.append(message["body"])
        if not message["more_body"]:
            return parts


async def answer(send, body, status=200, headers=()):
    await send({"type": "http.response.start", "status": status,
                "headers": [(b"content-length", b"%d" % len(body)), *headers]})
    await send({"type": "http.response.body", "body": body})


async def lifespan(scope, receive, send):
    scope["state"]["x"] = [1]
    while True:
        message = await receive()
        events.append(message["type"])
        if message["type"] == "lifespan.shutdown":
            print("asgi_app was shut down", file=sys.stderr, flush=True)
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "lifespan.startup.complete"})


async def show(scope, receive, send):
    await answer(send, repr(scope).encode())


async def echo(scope, receive, send):
    parts = await body_of(receive)
    sizes = b",".join(b"%d" % len(p) for p in parts)
    await answer(send, b"".join(parts), headers=[(b"x-parts", sizes)])


async def empty_body(scope, receive, send):
    await answer(send, repr(await receive()).encode())


async def both_ways(scope, receive, send):
    """Each part of the body goes back as it comes."""
    await send({"type": "http.response.start", "status": 200})
    more = True
    while more:
        message = await receive()
        more = message["more_body"]
        await send({"type": "http.response.body", "body": message["body"], "more_body": True})
    await send({"type": "http.response.body"})


async def endless(scope, receive, send):
    """Never ends by itself; says how much it could send."""
    await send({"type": "http.response.start", "status": 200, "headers": ()})
    running["sent"] = 0
    try:
        while True:
            await send({"type": "http.response.body", "body": bytes(65536), "more_body": True})
            running["sent"] += 65536
    finally:
        events.append("endless ended")


async def sent(scope, receive, send):
    await answer(send, b"%d" % running.get("sent", 0))


async def told(scope, receive, send):
    await answer(send, ",".join(events).encode())


async def gather(scope, receive, send):
    """Waits until as many as the query says are here."""
    running["now"] += 1
    running["most"] = max(running["most"], running["now"])
    while running["most"] < int(scope["query_string"]):
        await asyncio.sleep(0.01)
    running["now"] -= 1
    await answer(send, b"%d %d" % (os.getpid(), running["most"]))


async def wait_for_disconnect(scope, receive, send):
    events.append("waiting")
    await body_of(receive)
    message = await receive()
    events.append(message["type"])


async def answers_after_disconnect(scope, receive, send):
    events.append("waiting for the end")
    await body_of(receive)
    await receive()
    await answer(send, b"still there")


async def after_the_end(scope, receive, send):
    waiting = asyncio.create_task(receive_twice(receive))
    await answer(send, b"done")
    await waiting


async def receive_twice(receive):
    await receive()
    events.append((await receive())["type"])


async def sleep(scope, receive, send):
    await asyncio.sleep(float(scope["query_string"]))
    await answer(send, b"%d" % os.getpid())


async def raises(scope, receive, send):
    raise LookupError("before the start")


async def returns(scope, receive, send):
    pass


async def start_only(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def start_twice(scope, receive, send):
    await start_only(scope, receive, send)
    await start_only(scope, receive, send)


async def body_first(scope, receive, send):
    await send({"type": "http.response.body", "body": b"x"})


async def text_headers(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [("a", "b")]})


async def bad_header(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b\r\nc: d")]})


async def bad_status(scope, receive, send):
    await send({"type": "http.response.start", "status": 99, "headers": []})


async def unknown_message(scope, receive, send):
    await send({"type": "http.response.push"})


async def fails_later(scope, receive, send):
    await start_only(scope, receive, send)
    await send({"type": "http.response.body", "body": b"some", "more_body": True})
    raise LookupError("in the middle")


async def exits(scope, receive, send):
    raise SystemExit(3)


async def too_long(scope, receive, send):
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": b"ab", "more_body": True})
    try:
        await send({"type": "http.response.body", "body": b"cde", "more_body": True})
    except RuntimeError as error:
        events.append(str(error))
    await send({"type": "http.response.body", "body": b"cd"})


async def view(scope, receive, send):
    await send({"type": "http.response.start", "status": 201, "headers": iter([[b"X-A", b"1"]])})
    await send({"type": "http.response.body", "body": memoryview(b"view"), "more_body": False})


async def large(scope, receive, send):
    await answer(send, bytes(int(scope["query_string"])))


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
    else:
        await globals()[scope["path"].strip("/").split("/")[0] or "show"](scope, receive, send)


def old(scope):
    """ASGI 2."""
    async def instance(receive, send):
        if scope["type"] == "lifespan":
            raise ValueError("no lifespan here")
        await answer(send, b"old " + scope["path"].encode())
    return instance


async def fails_to_start(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})


async def exits_at_start(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "something.else"})
    else:
        await answer(send, repr(scope["state"]).encode())


async def never_shuts_down(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await asyncio.sleep(10000)
    await answer(send, b"up")
