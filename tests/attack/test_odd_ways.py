"""Odd paths, names and values that Python code gives: each way fails at every level, or is announced.

Like those of `test_promises`. These were found where the judges' view of a path and the kernel's could differ.
"""

import pytest

from .promised import SHARED_MEMORY, attempt_all
from .world import levels

WAYS = {
    "writes to files": {
        "Python, up from a deleted folder": "from_a_deleted_folder(lambda: open(up + kept, 'a').write('x'))",
        "Python, a link in a folder that is too deep": "in_a_deep_folder(lambda: open('link', 'a').write('x'))",
        "Python, deleted by a path that is too long": "in_a_deep_folder(lambda: os.remove('folder/kept'))",
        "Python, below a folder's descriptor": "open(f'/proc/self/fd/{opened}/kept', 'a').write('x')",
        "Python, below a thread's descriptor": "open(f'/proc/thread-self/fd/{opened}/kept', 'a').write('x')",
        "Python, deleted below a descriptor": "os.remove(f'/proc/self/fd/{opened}/kept')",
        "Python, moved below a descriptor": "os.rename('b', f'/proc/self/fd/{opened}/new')",
        "Python, a folder below a descriptor": "os.mkdir(f'/proc/self/fd/{opened}/new')",
        "Python, a link below a descriptor": "os.symlink('x', f'/proc/self/fd/{opened}/new')",
        "Python, up from a deleted descriptor": "from_a_deleted_descriptor()",
        "Python, as many links as a path may have": "open('usr/../link1', 'a').write('x')",
        "Python, up from where it has no rights": "open('a/../..' + up + kept, 'a').write('x')",
        "Python, a path with overridden methods": "open(Disguised(kept), 'a').write('x')",
        "Python, truncated without writing": "os.open(kept, os.O_RDONLY | os.O_TRUNC)",
        "Python, a descriptor of a path": "os.truncate(f'/proc/self/fd/{os.open(kept, os.O_PATH)}', 0)",
        "Python, copied by the kernel": "os.copy_file_range(os.open('a', os.O_RDONLY), os.open(kept, os.O_RDONLY), 1)",
        "Python, a database in a quoted URI": "created(sqlite3.connect('file:' + quoted, uri=True))",
        "Python, a database that is called file:": "created(sqlite3.connect('file:link'))",
        "Python, a database nearly in memory": "created(sqlite3.connect(':memory:link'))",
        "Python, attached by a quoted URI": "created(sqlite3.connect(':memory:', uri=True), 'file:' + quoted)",
        "Python, attached by a parameter": "created(sqlite3.connect(':memory:'), folder + '/new.db', '?')",
        "Python, copied to a parameter": "sqlite3.connect(':memory:').execute('VACUUM INTO ?', (folder + '/new.db',))",
        "Python, attached nearly in memory": "created(sqlite3.connect(':memory:'), ':memory:link')",
        "C, settings found by git's own folder": "by_gits_folder()",
        "Python, an array": "np.arange(9).tofile(kept)",
        "Python, a mapped array": "np.memmap(kept, mode='r+').__setitem__(0, 0)",
        "Python, extracted from an archive": "extracted()",
        "Python, a file in its place": "fileinput.input(kept, inplace=True).readline()",
        "Python, compiled to": "py_compile.compile('a.py', f'{folder}/new', doraise=True)",
        "Python, a listener": "multiprocessing.connection.Listener(f'{folder}/new')",
        "Python, a program's output": "subprocess.run(['echo', 'x'], stdout=open(kept, 'a'), check=True)",
        "Python, a tensor's archive": "torch._C.PyTorchFileWriter(kept)",
        "Python, a package": "torch.package.PackageExporter(kept)",
        "Python, a compiled function": "function.save(kept)",
        "Python, a compiled module": "torch.jit.script(torch.nn.ReLU())._c.save(kept)",
        "Python, a tensor of a file": "torch.from_file(kept, shared=True, size=1, dtype=torch.uint8).fill_(0)",
        "Python, a storage of a file": "torch.UntypedStorage.from_file(kept, True, 9)",
        "Python, a meeting place of processes": "torch.distributed.FileStore(f'{folder}/store', 1)",
        "Python, a profile": "profiled(kept)",
        "C, a compiler's own start": "cpp_builder.run_compile_cmd(f'touch {folder}/new', '.')",
        "C, a spawned worker": "multiprocessing.get_context('spawn').Process(target=write, args=(kept,)).start()",
        "C, a worker's module of the script's": "subprocess.run([sys.executable, '-m', 'loky'], check=True)",
        "C, loaded by a database": "sqlite3.connect(':memory:').load_extension('x')",
    },
    "changes of files' modes, owners and times": {
        "Python, its flags": "fcntl.ioctl(os.open(kept, os.O_RDONLY), 0x40086602, struct.pack('l', 0x40))",
        "Python, below a folder's descriptor": "os.chmod(f'/proc/self/fd/{opened}/kept', 0o777)",
        "Python, by a descriptor of a path": "os.chmod(f'/proc/self/fd/{os.open(kept, os.O_PATH)}', 0o777)",
        "Python, up from a deleted folder": "from_a_deleted_folder(lambda: os.chmod(up + kept, 0o777))",
        "C, its flags": "in_c('ioctl', os.open(kept, os.O_RDONLY), 0x40086602, ctypes.byref(ctypes.c_long(0x40)))",
    },
    SHARED_MEMORY: {
        "Python, given to who cleans up": "resource_tracker.register(name, 'shared_memory')",
        "Python, a semaphore given to who cleans up": "resource_tracker.register(name, 'semaphore')",
        "Python, of the standard library": "shared_memory.SharedMemory(name).unlink()",
        "C, in the name of a semaphore": "libc.sem_unlink(name.encode()) and in_c('kill', 0, 999)",
    },
    "signals to other processes": {
        "Python, the keeper's parent": "os.kill(parent_of(os.getppid()), signal.SIGCONT)",
        "Python, a number of an overridden type": "os.kill(Number(other), signal.SIGKILL)",
    },
    "changes of other processes' limits, priorities and CPU affinity": {
        "Python, the keeper's limits": "resource.prlimit(os.getppid(), resource.RLIMIT_CORE, (0, 0))",
        "Python, a group's priority": "os.setpriority(os.PRIO_PGRP, os.getpgid(other), 19)",
    },
    "network connections and name look-ups": {
        "Python, a socket that says it is another": "sent(Disguise(socket.AF_INET), '192.0.2.1')",
        "Python, a host with overridden methods": "sent(socket.socket(), Disguised('192.0.2.1'))",
        "Python, a mapped number": "socket.socket(socket.AF_INET6).connect(('::ffff:192.0.2.1', 80))",
        "Python, at once with the first words": "socket.socket().sendto(b'x', 0x20000000, ('192.0.2.1', 80))",
        "Python, a message": "socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, ('192.0.2.1', 9))",
        "Python, a number as a name": "socket.gethostbyname_ex('example.invalid')",
        "C, a look-up": "libc.getaddrinfo(b'example.invalid', b'80', None, ctypes.byref(ctypes.c_void_p())) "
        "and in_c('kill', 0, 999)",
    },
}
WRITE = """
    def write(path):
        with open(path, "a") as file:
            file.write("x")
"""
PREPARED = """
    import fcntl, fileinput, multiprocessing.connection, py_compile, struct, tarfile, torch, torch.package
    import torch.distributed, torch.profiler
    from multiprocessing import resource_tracker, shared_memory
    from urllib.parse import quote
    import numpy as np
    from torch._inductor import cpp_builder
    name, up, start = "/" + os.path.basename(shared), "../" * 60, os.getcwd()
    quoted, opened = quote(folder + "/new.db", safe=""), os.open(folder, os.O_RDONLY)
    for link in ("file:link", ":memory:link"):
        os.symlink(folder + "/new.db", link)
    Path("a.py").write_text("")
    Path("loky.py").write_text(f"open({kept!r}, 'a').write('x')")
    os.symlink("/usr", "usr")
    for number in range(1, 41):
        os.symlink(f"link{number + 1}" if number < 40 else kept, f"link{number}")
    function = torch.jit.trace(lambda x: x + 1, torch.ones(1))
    class Disguised(str):
        def startswith(self, *arguments):
            return True
        def split(self, *arguments):
            return os.getcwd().split("/")
        def __str__(self):
            return "localhost"
        __fspath__ = partition = rpartition = __str__
    class Disguise(socket.socket):
        family = socket.AF_UNIX
    class Number(int):
        def __eq__(self, number):
            return number == os.getpid()
        __hash__ = int.__hash__
        def __str__(self):
            return str(os.getpid())
    def parent_of(process):
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1]) or 999999
    def sent(sock, host):
        try:
            sock.connect((host, 80))
        except ConnectionRefusedError:  # it has been sent
            return
    def created(connection, attached=None, named=None):
        if attached:
            connection.execute(f"ATTACH {named or repr(attached)} AS other", (attached,) if named else ())
        connection.execute("CREATE TABLE other.t (a)" if attached else "CREATE TABLE t (a)")
        if not os.path.exists(folder + "/new.db"):
            raise OSError("it is in the copy")
    def from_a_deleted_folder(action):
        os.mkdir("deleted")
        os.chdir("deleted")
        os.rmdir(f"{start}/deleted")
        try:
            action()
        finally:
            os.chdir(start)
    def in_a_deep_folder(action):
        try:
            for _ in range(19):  # the path is shorter than PATH_MAX, and that of the link is not
                os.makedirs("d" * 200, exist_ok=True)
                os.chdir("d" * 200)
            os.makedirs("e" * (4094 - len(os.getcwd())), exist_ok=True)
            os.chdir("e" * (4094 - len(os.getcwd())))
            for link, target in (("link", kept), ("folder", folder)):
                if not os.path.lexists(link):
                    os.symlink(target, link)
            action()
        finally:
            os.chdir(start)
    def from_a_deleted_descriptor():
        os.makedirs("gone")
        descriptor = os.open("gone", os.O_RDONLY)
        os.rmdir("gone")
        deep = "x/" * 70
        os.makedirs(deep + kept.rpartition("/")[0][1:])
        os.makedirs(deep + up.replace("..", "y"))
        os.symlink(os.path.abspath(deep + up.replace("..", "y")), "gone (deleted)")
        os.close(os.open(up + kept[1:], os.O_WRONLY | os.O_TRUNC, dir_fd=descriptor))
    def by_gits_folder():
        os.makedirs("place/usr/objects")
        os.makedirs("place/usr/refs")
        Path("place/usr/HEAD").write_text("ref: refs/heads/main")
        Path("place/usr/config").write_text(f"[diff]\\n external = echo x >> {kept} #\\n")
        os.symlink("/proc/self/cwd/usr", "place/.git")
        os.chdir("/")
        try:
            done = subprocess.run(["git", "diff", "--no-index", f"{start}/a", f"{start}/b"], cwd=f"{start}/place")
        finally:
            os.chdir(start)
        if done.returncode > 1:
            raise OSError("git failed")
    def extracted():
        with tarfile.open("a.tar", "w") as archive:
            archive.add("a", up + folder[1:] + "/new")
        tarfile.open("a.tar").extractall(filter="fully_trusted")
    def profiled(path):
        with torch.profiler.profile() as found:
            torch.ones(1)
        found.export_chrome_trace(path)
        if Path(path).read_text() == "kept":
            raise OSError("nothing is written")
"""


@pytest.mark.slow
@levels
def test_each_odd_way_is_closed_or_announced(tmp_path, level):
    attempt_all(tmp_path, level, WAYS, WRITE + PREPARED)
