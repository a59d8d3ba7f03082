"""The same program in Go without a server before it: net/http."""
import goprogram
from suite import go_program
from suite.server import Server


class GoHttp(Server):
    name = "net/http"
    kinds = ("go",)
    programs = (goprogram.GO,)
    package = "golang-go"

    def launch(self):
        self.spawn(go_program.path(), f"127.0.0.1:{self.port}", GOMAXPROCS=str(self.place.workers))
