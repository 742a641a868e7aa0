"""What the measurements share: host trees, CPU times, and programs of Debian to measure beside."""
import contextlib
import http.client
import json
import os
import platform
import random
import resource
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "../../target"))
PROGRAM = os.path.join(TARGET, "release/scrubjay")
# Linked statically, as packages have it.
TRIPLE = f"{platform.machine()}-unknown-linux-gnu"
PACKAGED = os.path.join(TARGET, TRIPLE, "release/scrubjay")
# By which cargo links it so, beside the flags of .cargo/config.toml, which RUSTFLAGS would take the place of.
LINKED_STATICALLY = {name: value for name, value in os.environ.items() if name != "RUSTFLAGS"}
LINKED_STATICALLY[f"CARGO_TARGET_{TRIPLE.replace('-', '_').upper()}_RUSTFLAGS"] = "-C target-feature=+crt-static"
# What is measured of servers is the median of so many.
ROUNDS = 15
# A service has none. With it, each error, also one that is expected, asks the stack where it came from.
os.environ.pop("RUST_BACKTRACE", None)
# Controllers, DIMMs of each, channels of each.
TREES = {"small": (2, 8, 2), "large": (16, 16, 4), "huge": (64, 32, 8)}


def skip(why):
    print(f"SKIPPED: {why}")
    sys.exit(0)


def find(program, package, *libraries):
    """A program, unpacked into the build folder with its libraries where it is not installed; None if it
    cannot be had."""
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    folder = os.path.join(TARGET, "tools/peers", package)
    for place in ("usr/bin", "usr/sbin", "sbin"):
        found = found or shutil.which(program, path=os.path.join(folder, place))
    if found or not shutil.which("apt-get") or os.path.exists(folder):
        return found
    os.makedirs(folder)
    subprocess.run(["apt-get", "-qq", "download", package, *libraries], cwd=folder, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=False)
    for name in os.listdir(folder):
        if name.endswith(".deb"):
            subprocess.run(["dpkg-deb", "-x", os.path.join(folder, name), folder], check=True)
            os.remove(os.path.join(folder, name))
    return find(program, package, *libraries)


def put(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def make_device(at):
    """What the directory of every device has beside its own attributes (drivers/base): libsysfs reads it all."""
    put(f"{at}/uevent", "")
    for name, text in (("autosuspend_delay_ms", ""), ("control", "on\n"), ("runtime_active_time", "0\n"),
                       ("runtime_status", "unsupported\n"), ("runtime_suspended_time", "0\n")):
        put(f"{at}/power/{name}", text)
    root = at[:at.index("/sys/devices/") + len("/sys")]
    os.symlink(os.path.relpath(f"{root}/bus/edac", at), f"{at}/subsystem")


def make_tree(root, controllers, dimms, channels):
    """What EDAC shows (drivers/edac/edac_mc_sysfs.c), and of /proc as much as is needed."""
    total = {}
    os.makedirs(f"{root}/sys/bus/edac")
    for mc in range(controllers):
        base = f"{root}/sys/devices/system/edac/mc/mc{mc}"
        make_device(base)
        count = {n: (n * 7 + mc) % 5 for n in range(dimms)}
        rows = {}
        for n in range(dimms):
            row, channel = divmod(n, channels)
            at = f"{base}/dimm{n}"
            make_device(at)
            put(f"{at}/dimm_label", f"CPU_SrcID#{mc}_Chan#{channel}_DIMM#{row}\n")
            put(f"{at}/dimm_location", f"channel {channel} slot {row} \n")
            put(f"{at}/size", "32768\n")
            put(f"{at}/dimm_mem_type", "Registered-DDR5\n")
            put(f"{at}/dimm_dev_type", "x4\n")
            put(f"{at}/dimm_edac_mode", "S4ECD4ED\n")
            put(f"{at}/dimm_ce_count", f"{count[n]}\n")
            put(f"{at}/dimm_ue_count", "0\n")
            rows.setdefault(row, {})[channel] = count[n]
        for row, counts in rows.items():
            at = f"{base}/csrow{row}"
            make_device(at)
            put(f"{at}/dev_type", "x4\n")
            put(f"{at}/mem_type", "Registered-DDR5\n")
            put(f"{at}/edac_mode", "S4ECD4ED\n")
            put(f"{at}/size_mb", f"{32768 * len(counts)}\n")
            put(f"{at}/ce_count", f"{sum(counts.values())}\n")
            put(f"{at}/ue_count", "0\n")
            for channel, errors in counts.items():
                put(f"{at}/ch{channel}_ce_count", f"{errors}\n")
                put(f"{at}/ch{channel}_dimm_label", f"CPU_SrcID#{mc}_Chan#{channel}_DIMM#{row}\n")
        total[mc] = sum(count.values())
        put(f"{base}/mc_name", f"Intel_10nm Socket#{mc // 4} IMC#{mc % 4}\n")
        put(f"{base}/size_mb", f"{32768 * dimms}\n")
        put(f"{base}/seconds_since_reset", "8640000\n")
        put(f"{base}/ce_count", f"{total[mc]}\n")
        put(f"{base}/ue_count", "0\n")
        put(f"{base}/ce_noinfo_count", "0\n")
        put(f"{base}/ue_noinfo_count", "0\n")
        put(f"{base}/reset_counters", "")
        put(f"{base}/sdram_scrub_rate", "0\n")
        put(f"{base}/max_location", f"channel {channels - 1} slot {dimms // channels - 1} \n")
    for name in ("uptime", "stat", "sys/kernel/osrelease", "sys/kernel/random/boot_id"):
        with open(f"/proc/{name}", encoding="ascii") as file:
            put(f"{root}/proc/{name}", file.read())


def tuptime_database(path, count, until=None):
    """Boots as tuptime 5.2 keeps them, of twenty years, the last of them the present one."""
    draw = random.Random(count)
    now = until or int(time.time() - float(open("/proc/uptime", encoding="ascii").read().split()[0]))
    step = 20 * 365 * 86_400 // count
    begin, rows = now - step * count, []
    for n in range(count):
        is_last = n == count - 1
        up = 60 if is_last else int(step * draw.uniform(0.5, 0.95))
        down = None if is_last else step - up
        kernel = f"Linux-6.1.0-{n % 40}-amd64-x86_64-with-glibc2.36"
        boot = uuid.UUID(int=draw.getrandbits(128))
        rows.append((str(boot), begin, up, up, 0, None if is_last else begin + up, int(draw.random() > 0.1),
                     down, kernel))
        begin += step
    os.makedirs(os.path.dirname(path))
    with sqlite3.connect(path) as database:
        database.execute("create table tuptime (bootid text, btime integer, uptime integer, rntime integer,"
                         " slptime integer, offbtime integer, endst integer, downtime integer, kernel text)")
        database.execute("pragma user_version = 5")
        database.executemany("insert into tuptime values (?,?,?,?,?,?,?,?,?)", rows)
    database.close()


def cpu_ms(pid):
    """CPU time of a process with all its threads, also those that have ended."""
    return time.clock_gettime((~pid << 3) | 2) * 1000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(port, headers):
    with Client(port) as client:
        return client.get(headers)


class Client:
    """Scrapes on one connection, as Prometheus does, as long as the server keeps it."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def get(self, headers):
        self.connection.request("GET", "/metrics", headers=headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()


def wait(port):
    for _ in range(600):
        try:
            if get(port, {})[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit(f"nothing answers on port {port}")


class Running:
    """A server that is ended when it is done with."""

    def __init__(self, command, port):
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.port = port

    def __enter__(self):
        wait(self.port)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def cpu_ms(self):
        return cpu_ms(self.process.pid)

    def each(self, count, headers):
        """Milliseconds of CPU time for each of so many scrapes, and the size of the last."""
        (spent,), size = in_turn([self], count, headers)
        return spent, size


def in_turn(servers, count, headers):
    """Milliseconds of CPU time of each server for one of so many scrapes, and the size of the last page of the last
    one. They are asked in turn, and the median of their rounds counts: what the host of a virtual machine gives to
    others meanwhile is accounted to whoever runs."""
    each = max(count // ROUNDS, 1)
    with contextlib.ExitStack() as open_clients:
        clients = [open_clients.enter_context(Client(server.port)) for server in servers]
        spent = [[] for _ in servers]
        # The first round finds nothing in the caches, and does not count.
        for _ in range(ROUNDS + 1):
            for server, client, rounds in zip(servers, clients, spent):
                before = server.cpu_ms()
                for _ in range(each):
                    _, body = client.get(headers)
                rounds.append((server.cpu_ms() - before) / each)
    return [statistics.median(rounds[1:]) for rounds in spent], len(body)


def spent_ms(command, repeats, **options):
    """Milliseconds of CPU time of each run of a command with all it starts, and what the last printed.
    The first run, which finds nothing in the caches, does not count."""
    spent = []
    for _ in range(repeats + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=600,
                              stdin=subprocess.DEVNULL, check=False, **options)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append((after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1000)
    return spent[1:], done


def only(program, sources, path, deadline="60s"):
    """Writes a configuration under which nothing but these sources is read."""
    said = subprocess.run([program, "--root", "/", "--config", "/dev/null", "doctor", "--json"],
                          capture_output=True, text=True, check=False).stdout
    names = [source["source"] for source in json.loads(said)["sources"]]
    missing = set(sources) - set(names)
    if missing:
        raise SystemExit(f"there are no such sources: {sorted(missing)}")
    others = json.dumps([name for name in names if name not in sources])
    with open(path, "w", encoding="ascii") as file:
        file.write(f"[collector]\ndisabled = {others}\ndeadline = \"{deadline}\"\n[events]\nlisten = false\n"
                   "[history]\nimport = false\n[notify]\njournal = false\n")
    return path
