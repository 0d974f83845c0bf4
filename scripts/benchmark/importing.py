"""`vestryctl import` of as many accounts as the main database has, out of a CSV file, into a database without any."""

import subprocess
import time

from .run import Failed
from .servers import Vestryd

# What `vestryctl import` reads; the names of its columns are here and nowhere else.
HEADER = "name,email,age,gender,created,argon2id"


def measure_import(run):
    program = run.program("vestryctl")
    if subprocess.run([program, "import", "--help"], capture_output=True, check=False).returncode != 0:
        raise Failed("this vestryctl has no import")
    file = run.scratch / "people.csv"
    write_people(run, file, run.base)
    for number in range(run.rounds):
        folder = run.scratch / f"import-{number}"
        subprocess.run([run.program("vestryd"), "init", "--data-dir", folder, "--host", "localhost"],
                       capture_output=True, check=True)
        server = Vestryd(run, folder)
        command = [program, "--data-dir", folder, "--admin", server.admin, "import", file]
        run.remember("import", command)
        began = time.monotonic()
        seen = run.watch(server, [str(word) for word in command])
        run.record("import", f"{run.base:,} accounts", seconds=time.monotonic() - began,
                   server_peak_mib=seen["server"]["peak_kib"] / 1024, cpu_secs=seen["server"]["cpu_secs"])
        run.stop(server)


def write_people(run, file, count):
    done = subprocess.run([run.program("vestry-bench"), "phc", "bench import password"], capture_output=True,
                          text=True, check=True)
    # A PHC string has commas.
    phc = '"' + done.stdout.strip() + '"'
    with open(file, "w", encoding="utf-8") as out:
        out.write(HEADER + "\n")
        for number in range(count):
            # Names in no order, as people register: the multiplier is odd, so no two are the same.
            name = f"i{number * 2_654_435_761 % 2**32:08x}"
            age = str(10 + number % 90) if number % 10 else ""
            gender = ("f", "m", "d", "", "")[number % 5]
            out.write(f"{name},{name}@example.org,{age},{gender},2024-05-17T12:00:00Z,{phc}\n")
