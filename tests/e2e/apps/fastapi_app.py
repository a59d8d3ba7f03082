"""FastAPI as people use it: parameters, JSON, streams, uploads, background work, dependencies."""
import asyncio
import contextlib

from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse

done = []


app = FastAPI()


@app.on_event("startup")
async def startup():
    app.state.ready = "yes"


def dependency(request: Request):          # runs in a thread
    return request.headers.get("x-who", "nobody")


@app.get("/")
async def root():
    return {"ready": app.state.ready}


@app.get("/items/{number}")
async def item(number: int, q: str = "", who: str = Depends(dependency)):
    if number == 404:
        raise HTTPException(404, "no such item")
    return {"number": number, "q": q, "who": who}


@app.post("/sum")
async def total(values: list[int]):
    return sum(values)


@app.post("/upload")
async def upload(request: Request):
    size = 0
    async for part in request.stream():
        size += len(part)
    return size


@app.get("/stream")
async def stream():
    async def numbers():
        for i in range(5):
            yield f"{i}\n"
            await asyncio.sleep(0.001)
    return StreamingResponse(numbers(), media_type="text/plain")


@app.get("/forever")
async def forever():
    async def ticks():
        try:
            while True:
                yield b"tick\n"
                await asyncio.sleep(0.001)
        finally:
            done.append("forever")
    return StreamingResponse(ticks())


@app.get("/background")
async def background(tasks: BackgroundTasks):
    tasks.add_task(done.append, "background")
    return "started"


@app.get("/done")
def list_done():                            # runs in a thread
    return done


@app.get("/error")
async def error():
    raise RuntimeError("in a handler")
