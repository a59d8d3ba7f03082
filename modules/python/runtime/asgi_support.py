"""Compiled into the runtime: the life of an event loop that serves ASGI applications. What happens
for each request is C++ (asgi_request.cpp)."""
import asyncio
import functools
import sys
from asyncio import CancelledError  # asgi.cpp takes it from here

# Seconds that an application has for lifespan.shutdown, and its tasks to be cancelled: together less
# than the router waits for a worker's end.
SHUTDOWN_LIMIT = 4


class StartFailed(Exception):
    """Its text goes to whoever wanted the application to start."""


class Lifespan:
    """One application's, as ASGI has it. .state is what its requests get a copy of."""

    def __init__(self, application, is_old, log):
        self.application, self.is_old, self.log = application, is_old, log
        self.state = {}
        self.task = None                # None: it has no lifespan, or its end
        self.to_application = asyncio.Queue()
        self.answers = asyncio.Queue()

    async def run(self):
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"},
                 "state": self.state}
        if self.is_old:
            await self.application(scope)(self.to_application.get, self.answers.put)
        else:
            await self.application(scope, self.to_application.get, self.answers.put)

    async def ask(self, event):
        """The type of the application's answer and its message; None: it has ended."""
        self.to_application.put_nowait({"type": event})
        answer = asyncio.ensure_future(self.answers.get())
        await asyncio.wait([self.task, answer], return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            message = answer.result()
            return str(message.get("type")), str(message.get("message") or "")
        answer.cancel()
        return None, ""

    def off(self, why):
        self.log(f"the application does not use the ASGI lifespan: {why}")
        self.task.cancel()
        self.task = None

    async def startup(self):
        self.task = asyncio.ensure_future(self.run())
        kind, message = await self.ask("lifespan.startup")
        if kind == "lifespan.startup.failed":
            self.task.cancel()
            self.task = None
            lines = message.strip().splitlines() or ["no reason given"]
            if len(lines) > 1:          # a traceback, with the cause at its end
                print(message, file=sys.stderr, flush=True)
            raise StartFailed(f"ASGI lifespan startup failed: {lines[-1]}")
        if kind is None:
            error = None if self.task.cancelled() else self.task.exception()
            self.off(repr(error) if error else "it returned")
        elif kind != "lifespan.startup.complete":
            self.off(f"it answered {kind!r}")

    async def shutdown(self):
        if self.task is None or self.task.done():
            return
        kind, message = await self.ask("lifespan.shutdown")
        if kind == "lifespan.shutdown.failed":
            self.log(f"ASGI lifespan shutdown failed: {message or 'no reason given'}")
        await asyncio.wait([self.task])


class EventLoop:
    """applications: pairs of a callable and whether it is of ASGI 2. log: of one line."""

    def __init__(self, applications, log):
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.applications, self.log = applications, log
        self.lifespans = []
        self.stopped = False

    def start(self):
        """The states of the applications, or StartFailed."""
        self.loop.run_until_complete(self._start())
        return [lifespan.state for lifespan in self.lifespans]

    async def _start(self):
        for application, is_old in self.applications:
            lifespan = Lifespan(application, is_old, self.log)
            self.lifespans.append(lifespan)
            await lifespan.startup()

    def task_maker(self):
        """What makes a task of a coroutine; not by way of the loop, if that would only do the same."""
        plain = (type(self.loop).create_task is asyncio.BaseEventLoop.create_task
                 and self.loop.get_task_factory() is None)
        return functools.partial(asyncio.Task, loop=self.loop) if plain else self.loop.create_task

    def serve(self, descriptor, poll):
        """Until stop(): poll() whenever the descriptor is readable."""
        self.loop.add_reader(descriptor, poll)
        while not self.stopped:
            try:
                self.loop.run_forever()
            except (SystemExit, KeyboardInterrupt):
                pass    # of a callback or a task of the application; asyncio lets it through
        self.loop.remove_reader(descriptor)

    def stop(self):
        self.stopped = True
        self.loop.stop()

    def end(self):
        try:
            self.within(SHUTDOWN_LIMIT, self._shutdown())
            tasks = asyncio.all_tasks(self.loop)
            for task in tasks:
                task.cancel()
            self.within(SHUTDOWN_LIMIT, self._end(tasks))
        finally:
            asyncio.set_event_loop(None)
            self.loop.close()

    def within(self, seconds, coroutine):
        try:
            self.loop.run_until_complete(asyncio.wait_for(coroutine, seconds))
        except asyncio.TimeoutError:
            self.log(f"the application did not end within {seconds} s")

    async def _shutdown(self):
        for lifespan in reversed(self.lifespans):
            await lifespan.shutdown()

    async def _end(self, tasks):
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.loop.shutdown_asyncgens()
        await self.loop.shutdown_default_executor()
