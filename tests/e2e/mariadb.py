"""A MariaDB server of a test's own: its data in the test's directory, reached by a socket file."""
import os
import pathlib
import subprocess

from harness import wait_for

PASSWORD = "secret"


class MariaDb:
    """root has the password; databases and users are made by sql()."""

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir()
        self.dir.chmod(0o755)
        self.socket = self.dir / "mariadb.sock"
        data = self.dir / "data"
        user = ["--user=root"] if os.getuid() == 0 else []     # it refuses to be root unasked
        subprocess.run(["mariadb-install-db", "--no-defaults", "--auth-root-authentication-method="
                        "normal", "--skip-test-db", f"--datadir={data}", *user],
                       check=True, stdout=subprocess.DEVNULL)
        self.log = open(self.dir / "log", "wb")
        self.process = subprocess.Popen(
            ["mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={self.socket}",
             "--skip-networking", *user, f"--pid-file={self.dir / 'pid'}",
             "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=16M"],
            stdout=self.log, stderr=self.log)
        wait_for("the database", self.answers)
        self.socket.chmod(0o777)
        self.sql(f"SET PASSWORD FOR root@localhost = PASSWORD('{PASSWORD}')", password="")

    def client(self, password):
        return ["mariadb", "--no-defaults", f"--socket={self.socket}", "-uroot",
                *([f"-p{password}"] if password else [])]

    def answers(self):
        assert self.process.poll() is None, (self.dir / "log").read_text()
        return subprocess.run([*self.client(""), "-e", "SELECT 1"],
                              capture_output=True).returncode == 0

    def sql(self, text, password=PASSWORD):
        """Runs statements; returns what they print, a line a row, columns by tabs."""
        return subprocess.run([*self.client(password), "-N", "-e", text], check=True,
                              capture_output=True, text=True).stdout

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        self.log.close()
