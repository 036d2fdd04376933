#!/usr/bin/env python3
"""Runs the tests that fsspec has for every file system against one tree of ours, over FTP and over WebDAV.

Usage: fsspec_suite.py ROPEWALK [PYTEST-ARGUMENT...]

This Python has fsspec, webdav4[fsspec] and pytest. Tests that fail are listed in fsspec.expected with the reason.
"""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading

import pytest
from fsspec import AbstractFileSystem
from fsspec.implementations.ftp import FTPFileSystem
from fsspec.tests import abstract
from webdav4.fsspec import WebdavFileSystem

EXPECTED = pathlib.Path(__file__).with_name("fsspec.expected")
# Seconds that all of it may take.
LONGEST = 280
LOGIN = ("ann", "swordfish")

CONFIG = """
[files.shared]
path = "{folder}"
write = true
durable = false

[accounts.people]
users = ["ann:swordfish"]

[[service]]
kind = "ftp"
listen = ["tcp:{ftp}:interface=127.0.0.1"]
accounts = "people"
files = "shared"

[[service]]
kind = "http"
listen = ["tcp:{dav}:interface=127.0.0.1"]
files = "shared"
dav = true
write = true

[[service.auth]]
accounts = "people"
"""


class WithParents:
    """Makes the directories that a file is to be in: the tests take that for granted."""

    def parents(self, path):
        if (parent := self._parent(path)) not in ("", "/"):
            self.makedirs(parent, exist_ok=True)

    def _open(self, path, mode="rb", **kwargs):
        if "r" not in mode:
            self.parents(path)
        return super()._open(path, mode=mode, **kwargs)

    def put_file(self, lpath, rpath, *args, **kwargs):
        self.parents(rpath)
        return super().put_file(lpath, rpath, *args, **kwargs)

    def pipe_file(self, path, value, *args, **kwargs):
        self.parents(path)
        return super().pipe_file(path, value, *args, **kwargs)

    def rm(self, path, recursive=False, maxdepth=None):
        # Theirs take no lists.
        for one in [path] if isinstance(path, str) else path:
            super().rm(one, recursive=recursive, maxdepth=maxdepth)

    def cp_file(self, path1, path2, **kwargs):
        if self.isdir(path1):
            self.makedirs(path2, exist_ok=True)
        else:
            self.parents(path2)
            self.copied(path1, path2)


class FtpFiles(WithParents, FTPFileSystem):
    def get_file(self, rpath, lpath, **kwargs):
        os.makedirs(lpath if self.isdir(rpath) else os.path.dirname(lpath), exist_ok=True)
        super().get_file(rpath, lpath, **kwargs)

    def ls(self, path, detail=True, **kwargs):
        # Theirs takes what LIST says of a file for a directory that has it.
        path = self._strip_protocol(path)
        found = super().ls(path, detail=True, **kwargs)
        if [one["name"] for one in found] == [f"{path}/{os.path.basename(path)}"]:
            info = self.info(path)
            found = [info] if info["type"] == "file" else found
        return found if detail else sorted(one["name"] for one in found)

    def copied(self, path1, path2):
        # FTP has no copy.
        self.pipe_file(path2, self.cat_file(path1))


class WebdavFiles(WithParents, WebdavFileSystem):
    # Its own takes no lists.
    copy = AbstractFileSystem.copy

    def copied(self, path1, path2):
        WebdavFileSystem.cp_file(self, path1, path2)


class Fixtures(abstract.AbstractFixtures):
    @pytest.fixture
    def fs_path(self, fs):
        path = f"{self.ROOT}{type(self).__name__}-{os.urandom(6).hex()}"
        fs.mkdir(path)
        yield path
        fs.rm(path, recursive=True)


class Ftp(Fixtures):
    ROOT = "/"

    @pytest.fixture(scope="module")
    def fs(self):
        user, password = LOGIN
        port = int(os.environ["FSSPEC_FTP"])
        fs = FtpFiles("127.0.0.1", port=port, username=user, password=password, use_listings_cache=False)
        yield fs
        fs.ftp.close()


class Webdav(Fixtures):
    # The names that webdav4 lists begin with no slash.
    ROOT = ""

    @pytest.fixture(scope="module")
    def fs(self):
        url = f"http://127.0.0.1:{os.environ['FSSPEC_DAV']}"
        return WebdavFiles(url, auth=LOGIN)


class TestFtpCopy(Ftp, abstract.AbstractCopyTests):
    pass


class TestFtpGet(Ftp, abstract.AbstractGetTests):
    pass


class TestFtpOpen(Ftp, abstract.AbstractOpenTests):
    pass


class TestFtpPipe(Ftp, abstract.AbstractPipeTests):
    pass


class TestFtpPut(Ftp, abstract.AbstractPutTests):
    pass


class TestWebdavCopy(Webdav, abstract.AbstractCopyTests):
    pass


class TestWebdavGet(Webdav, abstract.AbstractGetTests):
    pass


class TestWebdavOpen(Webdav, abstract.AbstractOpenTests):
    pass


class TestWebdavPipe(Webdav, abstract.AbstractPipeTests):
    pass


class TestWebdavPut(Webdav, abstract.AbstractPutTests):
    pass


class Results:
    def __init__(self):
        self.passed, self.failed, self.skipped = set(), set(), set()

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.split("::", 1)[-1].replace("::", ".")
        if report.failed:
            self.failed.add(name)
        elif report.skipped:
            self.skipped.add(name)
        elif report.when == "call":
            self.passed.add(name)


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def start(program, folder):
    ports = {"ftp": free_port(), "dav": free_port()}
    config = folder / "ropewalk.toml"
    (folder / "shared").mkdir()
    config.write_text(CONFIG.format(folder=folder / "shared", **ports))
    process = subprocess.Popen(
        [program, "run", "--allow-root", "--config", config], stderr=subprocess.PIPE, text=True
    )
    said = []
    for line in process.stderr:
        said.append(line)
        if "ready" in line:
            break
    else:
        raise RuntimeError("".join(said))
    # It would wait for a reader of its log.
    threading.Thread(target=process.stderr.read, daemon=True).start()
    os.environ.update({f"FSSPEC_{name.upper()}": str(port) for name, port in ports.items()})
    return process


def main():
    program, *arguments = sys.argv[1:]
    results = Results()
    signal.signal(signal.SIGALRM, lambda *_: sys.exit("it takes too long"))
    signal.alarm(LONGEST)
    with tempfile.TemporaryDirectory(prefix="fsspec-") as folder:
        server = start(program, pathlib.Path(folder))
        try:
            fixed = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "--noconftest", "--rootdir", folder]
            pytest.main([*fixed, *arguments, __file__], plugins=[results])
        finally:
            server.kill()
            server.wait()
    passed = results.passed - results.failed
    known = {line.split("#")[0].strip() for line in EXPECTED.read_text().splitlines()} - {""}
    unexpected, better = sorted(results.failed - known), sorted(known & passed)
    print(f"{len(passed)} passed, {len(results.failed)} failed, {len(results.skipped)} skipped")
    for name in unexpected:
        print(f"failed unexpectedly: {name}")
    for name in better:
        print(f"passed unexpectedly: {name}")
    sys.exit(1 if unexpected or better or not passed else 0)


if __name__ == "__main__":
    main()
