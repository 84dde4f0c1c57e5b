"""Ways around the sandbox that its author did not think of at first: each fails at every level, or is announced.

Like those of `test_promises`; these are found by reading the sandbox's own source.
"""

import os

import pytest

from .promised import SHARED_MEMORY, attempt_all
from .world import levels, none_left

WAYS = {
    "writes to files": {
        "Python, relative to a folder's descriptor": "os.write(posix.open('kept', os.O_WRONLY | os.O_APPEND, "
        "dir_fd=os.open(folder, os.O_RDONLY)), b'x')",
        "Python, a file opened for a program": "os.posix_spawn('/bin/echo', ['echo'], os.environ, "
        "file_actions=[(os.POSIX_SPAWN_OPEN, 1, kept, os.O_WRONLY | os.O_TRUNC, 0)])",
        "Python, a new file that may exist": "os.open(kept, os.O_WRONLY | os.O_EXCL | os.O_TRUNC)",
        "Python, a new file, by a link": "os.open('linked', os.O_WRONLY | os.O_EXCL | os.O_TRUNC)",
        "Python, a new file for a program": "os.posix_spawn('/bin/echo', ['echo'], os.environ, "
        "file_actions=[(os.POSIX_SPAWN_OPEN, 1, kept, os.O_WRONLY | os.O_EXCL | os.O_TRUNC, 0)])",
        "Python, in a subinterpreter": "in_subinterpreter(f\"open({kept!r}, 'a').write('x')\")",
        "Python, the keys of TLS": "setattr(ssl.create_default_context(), 'keylog_filename', kept)",
        "Python, a history": "(readline.add_history('x'), readline.append_history_file(1, kept))",
        "Python, near the end of the stack": "near_the_end_of_the_stack()",
        "Python, without a free descriptor": "without_free_descriptors(lambda: os.truncate('linked', 0))",
        "Python, settings of a bare repository": "by_bare_repository()",
        "Python, ldconfig": "run('/sbin/ldconfig', '-X', '-f', '/dev/null', '-C', f'{folder}/c')",
        "Python, a file with a worker's arguments": "run(sys.executable, 'write.py', '-m', 'loky')",
        "Python, a file after an option's value": "run(sys.executable, '-X', 'dev', 'write.py', '-m', 'loky')",
        "Python, a start by a worker's module": "run(sys.executable, '-c', 'from multiprocessing.util import "
        'spawnv_passfds; spawnv_passfds(b"/bin/touch", ["touch", "\' + folder + \'/new"], [])\')',
        "Python, a module with a compiler's name": "numba.run('/bin/touch', f'{folder}/new')",
        "Python, another authoriser": "attached(sqlite3.connect(':memory:'))",
        "Python, another authoriser, by class": "attached(sqlite3.Connection(':memory:'))",
        "Python, an abbreviated option of git's": "run('git', 'diff', '--no-index', '--outpu=' + kept, 'a', 'b')",
        "Python, a hard link": "(os.link(kept, 'hard'), open('hard', 'a').write('x'))",
        "Python, an opener": "open('new', 'w', opener=lambda path, flags: os.open(kept, flags))",
        "Python, a path as bytes": "open(os.fsencode(kept), 'a').write('x')",
        "Python, a path that changes": "os.truncate(Changing(), 0)",
        "Python, mapped": "mmap.mmap(os.open(kept, os.O_RDONLY), 4, access=mmap.ACCESS_WRITE)",
        "Python, copied into what is read": "os.sendfile(os.open(kept, os.O_RDONLY), os.open('a', os.O_RDONLY), 0, 1)",
        "Python, truncated by what is read": "os.ftruncate(os.open(kept, os.O_RDONLY), 0)",
        "Python, in a signal handler": "by_signal_handler()",
        "Python, in a finaliser": "by_finaliser()",
        "Python, in a trace function": "by_trace_function()",
        "Python, the copy itself moved": "os.rename(top, top + '-moved')",
        "Python, the copy itself deleted": "os.rmdir(top)",
        "C, in descend's own thread": "by_its_thread(lambda: in_c('open', kept.encode(), os.O_WRONLY | os.O_TRUNC))",
        "C, truncated": "in_c('truncate', kept.encode(), ctypes.c_long(0))",
        "C, exchanged": "in_c('renameat2', -100, b'a', -100, kept.encode(), 2)",
        "C, opened by its handle": "opened_by_handle()",
        "C, a mount in a new user namespace": "in_child(lambda: (in_c('unshare', 0x10020000), "
        "in_c('mount', b'none', folder.encode(), b'tmpfs', 0, None), open(kept, 'w')))",
    },
    "changes of files' modes, owners and times": {
        "Python, without a free descriptor": "without_free_descriptors(lambda: os.chmod('linked', 0o777))",
        "C, of what is read": "in_c('fchmod', os.open(kept, os.O_RDONLY), 0o777)",
    },
    SHARED_MEMORY: {
        "Python, written by its name": "os.write(_posixshmem.shm_open(name, os.O_RDWR, mode=0o600), b'x')",
        "Python, deleted by its name": "_posixshmem.shm_unlink(name)",
        "Python, a semaphore": "_multiprocessing.sem_unlink(name)",
        "C, of System V": "in_c('shmctl', segment, 0, None)",
        "C, written": "in_c('open', shared.encode(), os.O_WRONLY | os.O_TRUNC)",
    },
    "writes to disks, terminals and other devices": {
        "Python, a terminal's settings": "changed_terminal(os.open(terminal, os.O_RDONLY | os.O_NOCTTY))",
        "Python, a terminal's input": "os.open(terminal.encode(), os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)",
        "Python, a terminal's input, by another path": "open('/proc/self/root' + terminal, 'rb', buffering=0)",
        "C, a terminal's settings": "changed_terminal(opened_in_c(terminal))",
    },
    "signals to other processes": {
        "Python, by a descriptor": "signal.pidfd_send_signal(os.pidfd_open(other), signal.SIGKILL)",
        "Python, the owner of a socket": "fcntl.fcntl(socket.socketpair()[0], fcntl.F_SETOWN, other)",
        "Python, the owner, extended": "fcntl.fcntl(socket.socketpair()[0], 15, struct.pack('ii', 1, other))",
        "Python, the owner, by ioctl": "fcntl.ioctl(socket.socketpair()[0], 0x8901, struct.pack('i', other))",
        "Python, the keeper": "os.kill(os.getppid(), signal.SIGKILL)",
        "C, by a descriptor": "in_c('syscall', 424, os.pidfd_open(other), signal.SIGKILL, None, 0)",
    },
    "changes of other processes' memory": {
        "C, its descriptors": "in_c('syscall', 438, os.pidfd_open(other), 0, 0)",
        "C, traced": "in_c('ptrace', 16, other, None, None)",
        "C, the keeper's": "in_c('open', f'/proc/{os.getppid()}/mem'.encode(), os.O_RDWR)",
        "C, the keeper's descriptors": "keepers_descriptors()",
    },
    "network connections and name look-ups": {
        "Python, the name of a number": "socket.gethostbyaddr('192.0.2.1')",
        "Python, the name of an address": "socket.getnameinfo(('192.0.2.1', 80), 0)",
        "Python, without an exception": "socket.socket().connect_ex(('192.0.2.1', 80)) and 1 / 0",
        "Python, to all": "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('255.255.255.255', 9))",
        "Python, to the host of a virtual machine": "socket.socket(socket.AF_VSOCK).connect((2, 9))",
    },
    "new devices, mounts, raw sockets and host names": {
        "C, a new root": "in_c('chroot', b'/')",
        "C, another's mounts": "in_c('setns', os.open('/proc/1/ns/mnt', os.O_RDONLY), 0)",
        "C, a remounted root": "in_c('mount', None, b'/', None, 32 | 4096, None)",
        "C, a folder of the root's": "in_c('pivot_root', b'/', b'/')",
        "C, a packet socket": "in_c('socket', 17, 3, 0)",
    },
}
PREPARED = """
    import fcntl, gc, mmap, posix, readline, ssl, struct, termios, threading, _multiprocessing, _posixshmem
    name, top = "/" + os.path.basename(shared), os.path.dirname(os.environ["TMPDIR"])
    os.symlink(kept, "linked")
    Path("write.py").write_text(f"open({kept!r}, 'a').write('x')")
    Path("numba.py").write_text("import subprocess\\ndef run(*words):\\n    subprocess.run(words, check=True)")
    sys.path.insert(0, os.getcwd())
    import numba
    del sys.path[0]
    class Changing(os.PathLike):
        names = iter([kept, "a", "a", "a"])
        def __fspath__(self):
            return next(self.names)
    def run(*words):
        subprocess.run(words, check=True, capture_output=True)
    def in_subinterpreter(code):
        try:
            import _xxsubinterpreters as interpreters
        except ImportError:
            import _interpreters as interpreters
        interpreters.run_string(interpreters.create(), code)
    def near_the_end_of_the_stack():
        written = []
        def deeper():
            try:
                deeper()
            except RecursionError:
                pass
            try:
                open(kept, "a").close()
            except (PermissionError, RecursionError):
                return
            written.append(kept)
        deeper()
        if not written:
            raise PermissionError("refused at every depth")
    def without_free_descriptors(action):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest = os.dup(0)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
        try:
            action()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    def by_bare_repository():
        for part in ("objects", "refs"):
            os.makedirs(f"bare/{part}")
        Path("bare/HEAD").write_text("ref: refs/heads/main")
        Path("bare/config").write_text(f"[diff]\\n external = echo x >> {kept} #\\n")
        done = subprocess.run(["git", "-C", "bare", "diff", "--no-index", "../a", "../b"], capture_output=True)
        if done.returncode > 1:
            raise OSError("git failed")
    def change_kept(*_):  # it interrupts the sandbox's own code
        for action in (lambda: open(kept, "a").write("x"), lambda: os.chmod(kept, 0o777)):
            try:
                action()
            except OSError:
                pass
    def work():
        for number in range(200):
            Path("written").write_text("x")
            os.path.exists(kept)
    def by_signal_handler():
        signal.signal(signal.SIGALRM, change_kept)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        work()
        signal.setitimer(signal.ITIMER_REAL, 0, 0)
    def by_finaliser():
        finalisers = type("Cycle", (), {"__del__": change_kept})
        def make_cycle(number):
            cycle = finalisers()
            cycle.itself = cycle
        thresholds = gc.get_threshold()
        gc.set_threshold(7)
        list(map(make_cycle, range(100)))
        work()
        gc.set_threshold(*thresholds)
    def by_trace_function():
        def trace(frame, *_):
            if "doctor/sandbox" in frame.f_code.co_filename:
                change_kept()
            return trace
        sys.settrace(trace)
        try:
            Path("written").write_text("x")
        finally:
            sys.settrace(None)
    def attached(connection):
        connection.set_authorizer(None)
        connection.execute(f"ATTACH '{folder}/new.db' AS x").execute("CREATE TABLE x.t (a)")
    def by_its_thread(action):
        found, write = [], os.write
        def patched(descriptor, data):
            if threading.current_thread() is not threading.main_thread() and not found:
                try:
                    found.append(action())
                except OSError as error:
                    found.append(error)
            return write(descriptor, data)
        os.write = patched
        for number in range(100):
            try:
                open(f"{folder}/new{number}", "w")  # it is refused, which that thread reports
            except OSError:
                time.sleep(0.05)
            if found:
                break
        os.write = write
        if not found or isinstance(found[0], OSError):
            raise OSError(found)
    def opened_by_handle():
        handle, mount = ctypes.create_string_buffer(136), ctypes.c_int()
        struct.pack_into("I", handle, 0, 128)
        in_c("name_to_handle_at", -100, kept.encode(), handle, ctypes.byref(mount), 0)
        in_c("open_by_handle_at", os.open("/", os.O_RDONLY), handle, os.O_WRONLY)
    def in_child(action):
        child = os.fork()
        if child == 0:
            try:
                action()
            except BaseException:
                os._exit(1)
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            raise OSError("the child failed")
    def opened_in_c(path):
        found = libc.open(path.encode(), os.O_RDONLY | os.O_NOCTTY)
        if found < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return found
    def changed_terminal(descriptor):
        settings = termios.tcgetattr(descriptor)
        settings[3] &= ~termios.ECHO
        termios.tcsetattr(descriptor, termios.TCSANOW, settings)
    def keepers_descriptors():
        for number in range(64):
            if libc.open(f"/proc/{os.getppid()}/fd/{number}".encode(), os.O_WRONLY) >= 0:
                return
        raise OSError("none can be opened")
"""
COMET = """
    if os.fork() == 0:  # it is another process in each moment, and never the parent of one that lives
        os.setsid()
        until = time.monotonic() + 60
        while time.monotonic() < until:
            libc.prctl(15, b"{name}")
            if os.fork():
                os._exit(0)
    time.sleep(0.5)
    print(json.dumps(said), file=sys.stderr, flush=True)  # no training after all that
    os._exit(4)
"""


@pytest.mark.slow
@levels
def test_each_way_around_is_closed_or_announced_and_no_process_outruns_the_end(tmp_path, level):
    name = f"comet{os.getpid()}"
    attempt_all(tmp_path, level, WAYS, PREPARED, COMET.format(name=name))
    assert none_left(name)
