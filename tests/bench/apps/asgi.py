"""What the ASGI servers run."""
HELLO = b"Hello, world!\n"
START = {"type": "http.response.start", "status": 200,
         "headers": [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(HELLO))]}
BODY = {"type": "http.response.body", "body": HELLO}


async def application(scope, receive, send):
    if scope["type"] == "http":
        await send(START)
        await send(BODY)
        return
    while True:                                # lifespan
        kind = (await receive())["type"]
        await send({"type": kind + ".complete"})
        if kind == "lifespan.shutdown":
            return
